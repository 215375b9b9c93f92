"""From a finished export to the rows of a table."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.package import read_metadata_package
from airflow_provider_ksef.tables.schema import INVOICES
from airflow_provider_ksef.transfers.pending_export import PendingExport

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of(ksef: KsefClient, table: TableKey, pending: PendingExport, package: ExportPackage) -> pa.Table:
    """
    Download an export's package, decrypt it and read its metadata.

    :param ksef: the client.
    :param table: whose table the rows are for.
    :param pending: the export.
    :param package: what KSeF announces of it.
    :returns: the invoices as rows of the table ``invoices``.
    :raises KsefIntegrityError: where the package is not what was announced, or cannot be decrypted.
    """
    rows = INVOICES.empty_table() if not package.parts else _downloaded(ksef, table, pending, package)
    if rows.num_rows != package.invoice_count:
        raise KsefIntegrityError(
            f"Export {pending.reference_number} announces {package.invoice_count} invoices, "
            f"its package holds {rows.num_rows}.",
            "The table is as it was; the window is exported anew.",
        )
    return rows


def _downloaded(
    ksef: KsefClient, table: TableKey, pending: PendingExport, package: ExportPackage
) -> pa.Table:
    key = pending.key(ksef.settings)
    if key is None:
        raise KsefIntegrityError(
            f"Export {pending.reference_number} is encrypted with a key of another secret.",
            "The connection's secret was changed; the window is exported anew.",
        )
    with (
        tempfile.TemporaryDirectory(prefix="ksef-export-") as folder,
        ksef.download_package(package, key, Path(folder)).open() as source,
    ):
        return read_metadata_package(
            source,
            context=table.context,
            subject_type=table.subject_type,
            export_reference=pending.reference_number,
            synced_at=datetime.now(UTC),
            qr_url=ksef.settings.environment.qr_url,
        )
