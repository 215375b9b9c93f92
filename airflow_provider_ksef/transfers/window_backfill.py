"""One window of a backfill: exported until KSeF has no more of it, and committed without the watermark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.intervals import position_after, storage_bounds
from airflow_provider_ksef.tables.moments import is_after
from airflow_provider_ksef.tables.windows import Window
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.pending_export import (
    PERMANENT_STORAGE,
    ExportRequest,
    PendingExport,
)
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter

COUNTS = ("rows", "documents", "lines", "unreadable")
"""What a window tells of all its exports; see :class:`~.progress.Taken`."""


@dataclass(frozen=True)
class WindowBackfill:
    """
    Fill a table with the invoices of one window.

    :param exporter: starts the exports.
    :param writer: puts them into the table.
    :param window: both bounds inclusive.
    :param date_type: which date they mean.
    :param only_metadata: without the documents.
    :param units: what is remembered of each window, by its name: of this one its position and its rows.
    :param remember: called when that has changed.
    """

    exporter: Exporter
    writer: TableWriter
    window: Window
    date_type: str
    only_metadata: bool
    units: dict[str, dict[str, Any]]
    remember: Callable[[], None]

    @property
    def subject_type(self) -> str:
        """The role that is exported."""
        return self.writer.key.subject_type

    @property
    def name(self) -> str:
        """The subject type and the bounds."""
        return f"{self.subject_type} {self.window.start}/{self.window.end}"

    @property
    def kept(self) -> dict[str, Any]:
        """What is remembered of this window."""
        return self.units.setdefault(self.name, {"position": self.window.start, **dict.fromkeys(COUNTS, 0)})

    @property
    def position(self) -> str:
        """Up to where the window is in the table."""
        return str(self.kept["position"])

    def request(self) -> ExportRequest:
        """Ask for the rest of the window."""
        return ExportRequest(
            self.subject_type, self.position, self.window.end, self.date_type, self.only_metadata
        )

    def take(self, pending: PendingExport, package: ExportPackage) -> Taken:
        """
        Put what a finished export brought into the table.

        :raises KsefIntegrityError: where the package is not what KSeF announced.
        :raises KsefTableError: where the window cannot advance, or the rows cannot be committed.
        """
        start = self.position
        reached = position_after(
            Window(start, self.window.end),
            self.date_type,
            package.is_truncated,
            _last_date(package, self.date_type),
            package.permanent_storage_hwm_date,
        )

        def committed(rows: IncomingRows) -> CommittedWindow:
            is_span = self.date_type == PERMANENT_STORAGE
            first, last = (start, reached) if is_span else storage_bounds(rows.invoices)
            return CommittedWindow(first, last, pending.reference_number)

        taken = Taken()
        if package.invoice_count:
            taken = self.writer.take(pending, package, committed, moves_watermark=False)
        self.kept["position"] = reached
        for name in COUNTS:
            self.kept[name] += getattr(taken, name)
        self.remember()
        return replace(taken, has_more=package.is_truncated)

    def nothing_new(self, request: ExportRequest) -> None:
        """Leave the position where it is: KSeF has stored nothing for good beyond it yet."""

    def problem(self) -> str | None:
        """Say why the window is not whole, though KSeF had no more of it; None where it is."""
        if self.window.end is None or not is_after(self.window.end, self.position):
            return None
        return (
            f"KSeF's high-water mark stands at {self.position}, before the end of the window: later invoices "
            "may still be on their way. The next try fetches the rest."
        )


def _last_date(package: ExportPackage, date_type: str) -> str | None:
    return {
        "Issue": package.last_issue_date,
        "Invoicing": package.last_invoicing_date,
        PERMANENT_STORAGE: package.last_permanent_storage_date,
    }[date_type]
