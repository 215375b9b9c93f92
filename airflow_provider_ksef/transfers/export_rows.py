"""From a finished export to rows that a table can take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.documents import stage_documents
from airflow_provider_ksef.tables.incoming import IncomingRows
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.package import read_metadata_package
from airflow_provider_ksef.tables.schema import INVOICES
from airflow_provider_ksef.transfers.pending_export import PendingExport


@dataclass(frozen=True)
class PackageRows:
    """
    What a package held.

    :param incoming: its rows.
    :param unreadable: documents among them that could not be parsed; they are kept with the error.
    """

    incoming: IncomingRows
    unreadable: int = 0


@contextmanager
def package_rows(
    ksef: KsefClient,
    table: TableKey,
    pending: PendingExport,
    package: ExportPackage,
    document_processes: int,
) -> Iterator[PackageRows]:
    """
    Download an export's package and read what it holds; its files are there until the end.

    :param ksef: the client.
    :param table: whose table the rows are for.
    :param pending: the export.
    :param package: what KSeF announces of it.
    :param document_processes: processes that read its documents.
    :raises KsefIntegrityError: where the package is not what was announced, or cannot be decrypted.
    """
    if not package.parts:
        _check_count(0, pending, package)
        yield PackageRows(IncomingRows(INVOICES.empty_table()))
        return
    key = pending.key(ksef.settings)
    if key is None:
        raise KsefIntegrityError(
            f"Export {pending.reference_number} is encrypted with a key of another secret.",
            "The connection's secret was changed; the window is exported anew.",
        )
    with tempfile.TemporaryDirectory(prefix="ksef-export-") as folder:
        downloaded = ksef.download_package(package, key, Path(folder))
        with downloaded.open() as source:
            invoices = read_metadata_package(
                source,
                context=table.context,
                subject_type=table.subject_type,
                export_reference=pending.reference_number,
                synced_at=datetime.now(UTC),
                qr_url=ksef.settings.environment.qr_url,
            )
        _check_count(invoices.num_rows, pending, package)
        if pending.only_metadata:
            yield PackageRows(IncomingRows(invoices))
            return
        beside = Path(folder) / "beside"
        beside.mkdir()
        staged = stage_documents(downloaded.open, invoices, beside, processes=document_processes)
        yield PackageRows(IncomingRows(invoices, staged.files), staged.unreadable)


def _check_count(rows: int, pending: PendingExport, package: ExportPackage) -> None:
    if rows != package.invoice_count:
        raise KsefIntegrityError(
            f"Export {pending.reference_number} announces {package.invoice_count} invoices, "
            f"its package holds {rows}.",
            "The table is as it was; the window is exported anew.",
        )
