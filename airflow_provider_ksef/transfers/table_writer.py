"""What an export brought enters the tables."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.hooks.metrics import count
from airflow_provider_ksef.tables.columns import EXPORT
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.intervals import storage_bounds
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.moments import to_microseconds
from airflow_provider_ksef.tables.table_format import TableFormat
from airflow_provider_ksef.transfers.export_rows import PackageRows, package_rows
from airflow_provider_ksef.transfers.pending_export import PendingExport
from airflow_provider_ksef.transfers.progress import Taken

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableWriter:
    """
    One task's way into one part of the tables.

    :param ksef: the client that downloads.
    :param tables: the tables below ``tables_path``.
    :param key: the part.
    :param owner: the task instance, for the table's lease.
    :param document_processes: processes that read documents.
    """

    ksef: KsefClient
    tables: TableFormat
    key: TableKey
    owner: str
    document_processes: int = 1

    def rows(self, pending: PendingExport, package: ExportPackage) -> AbstractContextManager[PackageRows]:
        """Download a package and read it; see :func:`~.export_rows.package_rows`."""
        return package_rows(self.ksef, self.key, pending, package, self.document_processes)

    def take(
        self,
        pending: PendingExport,
        package: ExportPackage,
        window_of: Callable[[IncomingRows], CommittedWindow],
        *,
        moves_watermark: bool,
    ) -> Taken:
        """
        Download a package and commit its rows.

        :param pending: the export.
        :param package: what KSeF announces of it.
        :param window_of: tells what the rows stand for.
        :param moves_watermark: True for sync alone.
        :raises KsefIntegrityError: where the package is not what KSeF announced.
        :raises KsefTableError: where the rows cannot be committed.
        """
        started = time.monotonic()
        with self.rows(pending, package) as rows:
            window = window_of(rows.incoming)
            taken = self.commit(window, rows.incoming, moves_watermark=moves_watermark)
            # An earlier try may have died between its commit and its note. Sync tells by the watermark.
            if not moves_watermark and taken.rows < rows.incoming.invoices.num_rows:
                taken = replace(taken, rows=self._rows_of(pending, rows.incoming))
        log.info(
            "%s: %d invoices up to %s, %d new row(s) in %d file(s), %.1f s.",
            pending.subject_type,
            package.invoice_count,
            window.end,
            taken.rows,
            taken.files,
            time.monotonic() - started,
        )
        if not pending.only_metadata:
            log.info(
                "%s: %d new document(s), %d new line(s); %d document(s) could not be parsed.",
                pending.subject_type,
                taken.documents,
                taken.lines,
                rows.unreadable,
            )
        return replace(taken, unreadable=rows.unreadable)

    def _rows_of(self, pending: PendingExport, incoming: IncomingRows) -> int:
        """Count the invoices that an export has brought into the table, whichever try put them there."""
        first, last = map(to_microseconds, storage_bounds(incoming.invoices))
        references = self.tables.rows(self.key, (first, last), [EXPORT]).column(EXPORT).to_pylist()
        return int(references.count(pending.reference_number))

    def commit(self, window: CommittedWindow, rows: IncomingRows, *, moves_watermark: bool) -> Taken:
        """Commit rows under the table's lease; see :func:`~.tables.commit.commit_window`."""
        committed = self.tables.commit(
            self.key,
            window,
            rows,
            environment=self.ksef.settings.environment.name,
            owner=self.owner,
            moves_watermark=moves_watermark,
        )
        count("invoices_received", committed.rows_written, subject_type=self.key.subject_type)
        return Taken(
            rows=committed.rows_written,
            files=len(committed.files),
            documents=committed.rows_by_table.get("invoice_documents", 0),
            lines=committed.rows_by_table.get("invoice_lines", 0),
        )
