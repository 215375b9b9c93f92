"""One window of a backfill: exported until KSeF has no more of it, and committed without the watermark."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.intervals import position_after, storage_bounds
from airflow_provider_ksef.tables.moments import is_after
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.pending_export import (
    PERMANENT_STORAGE,
    ExportRequest,
    PendingExport,
)
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter
from airflow_provider_ksef.transfers.window_record import WindowRecord

COUNTS = ("rows", "documents", "lines", "unreadable")
"""What a window tells of all its exports; see :class:`~.progress.Taken`."""


@dataclass(frozen=True)
class WindowBackfill:
    """
    Fill a table with the invoices of one window.

    :param exporter: starts the exports.
    :param writer: puts them into the table.
    :param record: the window, and how far it is done.
    :param date_type: which date its bounds mean.
    :param only_metadata: without the documents.
    """

    exporter: Exporter
    writer: TableWriter
    record: WindowRecord
    date_type: str
    only_metadata: bool

    @property
    def name(self) -> str:
        """The subject type and the bounds."""
        return self.record.name

    @property
    def final_state(self) -> str:
        """What became of a window that was filled to its end."""
        return "succeeded"

    @property
    def planned_exports(self) -> int:
        """The least number of exports: how many invoices KSeF has is not known yet."""
        return 1

    def request(self) -> ExportRequest:
        """Ask for the rest of the window."""
        rest = self.record.rest
        return ExportRequest(
            self.record.subject_type, rest.start, rest.end, self.date_type, self.only_metadata
        )

    def take(self, pending: PendingExport, package: ExportPackage) -> Taken:
        """
        Put what a finished export brought into the table.

        :raises KsefIntegrityError: where the package is not what KSeF announced.
        :raises KsefFullInstantError: where one export cannot hold all invoices of a date.
        :raises KsefTableError: where the rows cannot be committed.
        """
        rest = self.record.rest
        reached = position_after(
            rest,
            self.date_type,
            package.is_truncated,
            _last_date(package, self.date_type),
            package.permanent_storage_hwm_date,
        )

        def committed(rows: IncomingRows) -> CommittedWindow:
            is_span = self.date_type == PERMANENT_STORAGE
            first, last = (rest.start, reached) if is_span else storage_bounds(rows.invoices)
            return CommittedWindow(first, last, pending.reference_number)

        taken = Taken()
        if package.invoice_count:
            taken = self.writer.take(pending, package, committed, moves_watermark=False)
        self.record.advance(reached, **{name: getattr(taken, name) for name in COUNTS})
        return replace(taken, has_more=package.is_truncated)

    def nothing_new(self, request: ExportRequest) -> None:
        """Leave the position where it is: KSeF has stored nothing for good beyond it yet."""

    def problem(self) -> str | None:
        """Say why the window is not whole, though KSeF had no more of it; None where it is."""
        rest = self.record.rest
        if not is_after(str(rest.end), rest.start):
            return None
        return (
            f"KSeF's high-water mark stands at {rest.start}, before the end of the window: later invoices "
            "may still be on their way. The next try fetches the rest."
        )


def _last_date(package: ExportPackage, date_type: str) -> str | None:
    return {
        "Issue": package.last_issue_date,
        "Invoicing": package.last_invoicing_date,
        PERMANENT_STORAGE: package.last_permanent_storage_date,
    }[date_type]
