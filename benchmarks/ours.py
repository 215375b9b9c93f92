"""This package, from encrypted parts on disk to Parquet files, by the code that the operators run."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa

from airflow_provider_ksef.client.crypto import SessionKey, blocks_of
from airflow_provider_ksef.client.encrypted_package import EncryptedPackage, EncryptedPart
from airflow_provider_ksef.client.exports import ExportPart
from airflow_provider_ksef.client.parts import write_part
from airflow_provider_ksef.tables.month_files import encode
from airflow_provider_ksef.tables.package import read_metadata_package
from airflow_provider_ksef.tables.row_order import sorted_once
from airflow_provider_ksef.tables.schema import TABLES
from benchmarks.packages import IV, KEY, Package, Part

_KEY = SessionKey(KEY, IV)
_AT_ONCE = 1_000
"""Documents that one table is made of: some 3 MB of XML."""

_shared: list[Sequence[bytes]] = []
"""What processes inherit that are forked."""


class _Nowhere:
    """The parts are on disk already."""

    def write(self, content: bytes) -> int:
        return len(content)


def metadata_to_parquet(package: Package, target: Path) -> None:
    target.write_bytes(encode(sorted_once(invoices_of(verified(package)))))


def everything_to_parquet(package: Package, target: Path, processes: int = 1) -> None:
    from airflow_provider_ksef.tables.documents import stage_documents

    archive = verified(package)
    invoices = invoices_of(archive)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        staged = stage_documents(archive.open, invoices, Path(folder), processes=processes)
    if (staged.documents, staged.unreadable) != (package.invoice_count, 0):
        raise AssertionError(f"{staged.unreadable} of {staged.documents} documents cannot be read")
    target.write_bytes(encode(sorted_once(invoices)))


def invoices_of(archive: EncryptedPackage) -> pa.Table:
    with archive.open() as source:
        return read_metadata_package(
            source,
            context="nip-5250001210",
            subject_type="Subject2",
            export_reference="20260901-EH-0000000000-0000000000-00",
            synced_at=datetime.now(UTC),
            qr_url="https://qr-test.ksef.mf.gov.pl",
        )


def lines_of(documents: Sequence[bytes]) -> int:
    """Make rows of documents, and say how many lines there are."""
    return sum(map(_lines_of_chunk, _chunks(documents)))


def lines_in_processes(processes: int, documents: Sequence[bytes]) -> int:
    """Do the same in several processes; to start them is part of it, they have the documents from then on."""
    importlib.import_module("airflow_provider_ksef.tables.document_rows")  # once, not in each process
    pa.array([1])  # imports pandas where it is installed; likewise
    _shared[:] = _chunks(documents)
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        return sum(pool.map(_lines_of_shared, range(len(_shared))))


def verified(package: Package) -> EncryptedPackage:
    """Do what a download does to its bytes: size and hash, encrypted and plain, four parts at a time."""
    with ThreadPoolExecutor(4) as pool:
        return EncryptedPackage(tuple(pool.map(_verified, enumerate(package.parts, start=1))), _KEY)


def _verified(numbered: tuple[int, Part]) -> EncryptedPart:
    ordinal, part = numbered
    announced = ExportPart(
        ordinal, part.path, "", part.size, part.hash, part.encrypted_size, part.encrypted_hash, ""
    )
    path = Path(part.path)
    with path.open("rb") as source:
        write_part(blocks_of(source), announced, _KEY, _Nowhere())  # type: ignore[arg-type]
    return EncryptedPart(path, part.size, part.encrypted_size, path.stat().st_mtime_ns)


def _chunks(documents: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [documents[start : start + _AT_ONCE] for start in range(0, len(documents), _AT_ONCE)]


def _lines_of_shared(place: int) -> int:
    return _lines_of_chunk(_shared[place])


def _lines_of_chunk(chunk: Sequence[bytes]) -> int:
    from airflow_provider_ksef.tables.document_rows import read_documents

    return read_documents(_unknown_invoices(len(chunk)), chunk).lines.num_rows


def _unknown_invoices(count: int) -> pa.Table:
    """Give rows of the table ``invoices``, of which only the number counts here."""
    schema = TABLES["invoices"]
    return pa.Table.from_arrays([pa.nulls(count, field.type) for field in schema], schema=schema)
