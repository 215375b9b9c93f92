"""What the client's tests against the emulator share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_ksef.client import (
    ContextIdentifier,
    KsefClient,
    Settings,
    TokenCredential,
    batch,
    sessions,
)
from airflow_provider_ksef.client.batch import OpenedBatch
from airflow_provider_ksef.client.crypto import SessionKey, derive_key, new_salt
from airflow_provider_ksef.client.limit_overrides import set_session_limits
from airflow_provider_ksef.client.limits import SessionLimits
from airflow_provider_ksef.client.packing import PackedBatch, pack_batch
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.emulator.samples import Sample, make_samples
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.unit.client.invoice_contents import invoice_of

DEFAULT_SESSION = SessionLimits(1, 3, 10_000)


def settings_of(emulator: EmulatorProcess, token: str = TOKEN, timeout: float = 30.0) -> Settings:
    environment = Environment("custom", emulator.url, "https://qr-test.ksef.mf.gov.pl")
    return Settings(environment, ContextIdentifier("Nip", NIP), TokenCredential(token), timeout)


def limit_sessions(
    emulator: EmulatorProcess,
    *,
    batch: SessionLimits = DEFAULT_SESSION,
    online: SessionLimits = DEFAULT_SESSION,
) -> None:
    """Give the company limits of its own."""
    settings = settings_of(emulator)
    with KsefClient(settings) as ksef:
        ksef.run(set_session_limits(settings.environment, online, batch))


def new_key() -> SessionKey:
    return derive_key(TOKEN.encode(), new_salt(), purpose="test", context=NIP).session_key


def samples(count: int, wrong: int = 0) -> list[Sample]:
    return make_samples(NIP, count, wrong, 1, datetime.now(UTC).date().replace(day=1))


def pack(folder: Path, key: SessionKey, files: Sequence[Sample], *, compression: str = "zip") -> PackedBatch:
    invoices = [invoice_of(file.name, file.xml) for file in files]
    return pack_batch(invoices, key, folder, compression=compression, part_size=2048)


def opened(ksef: KsefClient, package: PackedBatch, key: SessionKey) -> OpenedBatch:
    session = ksef.run(batch.open_session("FA (3)", package, key))
    ksef.upload_parts(session.uploads, package.parts)
    return session


def final_status(ksef: KsefClient, reference: str) -> SessionStatus:
    deadline = time.monotonic() + 30
    while not (status := ksef.run(sessions.get_status(reference))).is_final:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status
