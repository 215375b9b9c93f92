"""Hashes of our own invoices by KSeF number, where the session that they were sent in cannot be read."""

from __future__ import annotations

import logging
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from airflow_provider_ksef.client import exports
from airflow_provider_ksef.client.calls import Flow, Pause
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.crypto import new_salt
from airflow_provider_ksef.client.derived_keys import derived_key
from airflow_provider_ksef.client.exports import ExportPackage, ExportStatus
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.invoices import query_metadata

log = logging.getLogger(__name__)

MOST_QUERIES = 4
"""Up to so many are asked for one by one; KSeF allows 20 queries an hour, and 20 exports."""
MOST_EXPORTS = 5
LONGEST_WINDOW = timedelta(days=90)
_MARGIN = timedelta(days=3)
"""A KSeF number holds the day on which it was given, which may come after the day of sending."""
_PURPOSE = "duplicates"
_POLL_SECONDS = 2.0
_MOST_POLLS = 300
_DONE = 200


class _Invoice(msgspec.Struct, rename="camel"):
    ksef_number: str
    invoice_hash: str


class _Metadata(msgspec.Struct):
    invoices: list[_Invoice]


def find_hashes(ksef: KsefClient, ksef_numbers: Collection[str]) -> dict[str, str]:
    """
    Look up the hashes of invoices that the context has issued.

    :param ksef: the client.
    :param ksef_numbers: of the invoices.
    :returns: Base64 SHA-256 by KSeF number, of those that were found.
    :raises KsefError: where KSeF could not be asked.
    """
    if len(ksef_numbers) <= MOST_QUERIES:
        return {
            number: found
            for number in sorted(ksef_numbers)
            if (found := ksef.run(_query(number))) is not None
        }
    wanted, hashes, exported = set(ksef_numbers), dict[str, str](), 0
    for first, last in _windows(ksef_numbers):
        date_from: str | None = _midnight(first - _MARGIN)
        while date_from and exported < MOST_EXPORTS and wanted - hashes.keys():
            exported += 1
            exported_hashes, date_from = _export(ksef, date_from, _midnight(last + _MARGIN))
            hashes |= {number: each for number, each in exported_hashes.items() if number in wanted}
    return hashes


def _windows(ksef_numbers: Collection[str]) -> Iterator[tuple[date, date]]:
    """Give the days of the numbers in windows that KSeF takes, the first and the last of each."""
    days = sorted({_day(number) for number in ksef_numbers})
    while days:
        window = [day for day in days if day - days[0] <= LONGEST_WINDOW]
        yield window[0], window[-1]
        days = days[len(window) :]


def _day(ksef_number: str) -> date:
    return datetime.strptime(ksef_number.split("-")[1], "%Y%m%d").date()  # noqa: DTZ007  a day only


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"


def _query(ksef_number: str) -> Flow[str | None]:
    day = _day(ksef_number)
    filters = InvoiceFilters(
        "Subject1",
        "Invoicing",
        _midnight(day - _MARGIN),
        _midnight(day + _MARGIN),
        ksef_number=ksef_number,
    )
    page = yield from query_metadata(filters, page_size=10)
    found = {item["ksefNumber"]: str(item["invoiceHash"]) for item in page.invoices}
    return found.get(ksef_number)


def _export(ksef: KsefClient, date_from: str, date_to: str) -> tuple[dict[str, str], str | None]:
    """Export metadata of a window; give the hashes, and where to go on if it holds more than a package."""
    key = derived_key(ksef.settings, new_salt(), purpose=_PURPOSE).session_key
    reference = ksef.run(exports.start(InvoiceFilters("Subject1", "Invoicing", date_from, date_to), key))
    log.info("Export %s of metadata from %s to %s has begun.", reference, date_from, date_to)
    package = ksef.run(_finished(reference)).package
    if package is None or not package.parts:
        return {}, None
    with tempfile.TemporaryDirectory(prefix="ksef-duplicates-") as folder:
        archive = ksef.download_package(package, key, Path(folder))
        with archive.open() as source, zipfile.ZipFile(source) as entries:
            metadata = msgspec.json.decode(entries.read("_metadata.json"), type=_Metadata)
    return {each.ksef_number: each.invoice_hash for each in metadata.invoices}, _rest(package, date_from)


def _rest(package: ExportPackage, date_from: str) -> str | None:
    """Where the next window begins; none where this one did not advance."""
    last = package.last_invoicing_date if package.is_truncated else None
    return last if last != date_from else None


def _finished(reference: str) -> Flow[ExportStatus]:
    status = yield from exports.get_status(reference)
    for _ in range(_MOST_POLLS):
        if status.is_final:
            break
        yield from Pause(_POLL_SECONDS)
        status = yield from exports.get_status(reference)
    if status.code != _DONE:
        log.warning("Export %s ended with %d %s.", reference, status.code, status.description)
    return status
