"""Metadata packages by the hundred: the facts of the same invoices, numbered and dated anew in each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from airflow_provider_ksef.emulator.documents import InvoiceFacts
from airflow_provider_ksef.emulator.metadata import Registration, metadata_json
from airflow_provider_ksef.emulator.moments import parse_moment, polish_day
from airflow_provider_ksef.emulator.numbers import make_ksef_number
from airflow_provider_ksef.emulator.packages import METADATA_NAME, join_metadata
from airflow_provider_ksef.emulator.synthetic import synthesize
from benchmarks.making import NIP, encrypt, hash_of, zipped
from benchmarks.packages import Package

FIRST = datetime(2026, 2, 1, tzinfo=UTC)
EACH = timedelta(days=3)
"""What a package covers, so that a hundred cover ten months."""


def start_of(ordinal: int) -> datetime:
    """Give where a package's window begins; it ends where the next one's begins."""
    return FIRST + ordinal * EACH


def made_packages(folder: Path, packages: int, invoices: int) -> Iterator[Package]:
    """Make one package after another in a process of its own, so that its memory is not the reader's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as maker:
        for ordinal in range(packages):
            place = folder / f"{ordinal:04d}"
            maker.submit(_make, place, ordinal, invoices).result()
            yield Package.read(place)


def _make(folder: Path, ordinal: int, invoices: int) -> None:
    listed = [_invoice(ordinal, index, invoices) for index in range(invoices)]
    encrypt(folder, "Zip", invoices, zipped([(METADATA_NAME, join_metadata(listed))]))


def _invoice(ordinal: int, index: int, invoices: int) -> bytes:
    stored = parse_moment((start_of(ordinal) + EACH * ((index + 0.5) / invoices)).isoformat())
    facts = _facts(invoices)[index]
    technical = sha256(f"{ordinal}/{index}".encode()).hexdigest()[:12].upper()
    number = make_ksef_number(facts.seller_nip, polish_day(stored), technical)
    fingerprint = hash_of(number.encode())
    return metadata_json(facts, Registration(number, fingerprint, stored, stored, stored, "Online", ""))


@cache
def _facts(invoices: int) -> list[InvoiceFacts]:
    day = polish_day(parse_moment(FIRST.isoformat()))
    return [synthesize(NIP, "Subject2", index, 0, day).facts for index in range(invoices)]
