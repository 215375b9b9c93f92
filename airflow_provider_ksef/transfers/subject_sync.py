"""One subject type's way from the table's watermark to KSeF's high-water mark, window by window."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.exceptions import KsefFullInstantError, KsefInputError
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.moments import is_after
from airflow_provider_ksef.tables.schema import INVOICES
from airflow_provider_ksef.tables.windows import Window, count_windows, next_position, next_window
from airflow_provider_ksef.transfers.exporter import Exporter
from airflow_provider_ksef.transfers.pending_export import ExportRequest, PendingExport
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter

log = logging.getLogger(__name__)


class SubjectSync:
    """
    Fetch what a table lacks of one subject type.

    :param exporter: starts the exports.
    :param writer: puts them into the table.
    :param sync_from: where the first run begins; unused where the table has a watermark.
    :param only_metadata: without the documents.
    """

    def __init__(
        self, exporter: Exporter, writer: TableWriter, sync_from: str | None, *, only_metadata: bool
    ) -> None:
        self.exporter = exporter
        self.writer = writer
        self.sync_from = sync_from
        self.only_metadata = only_metadata

    @property
    def name(self) -> str:
        """The subject type."""
        return self.writer.key.subject_type

    def watermark(self) -> str | None:
        """Give the point up to which the table is complete; None where nothing was committed yet."""
        watermark = self.writer.tables.watermark(self.writer.key)
        return None if watermark is None else watermark.position

    def position(self) -> str:
        """
        Give the point up to which the table is complete, or where a first run begins.

        :raises KsefInputError: on a first run without ``sync_from``.
        """
        watermark = self.watermark()
        if watermark is not None:
            return watermark
        if self.sync_from is None:
            raise KsefInputError(
                "sync_from",
                None,
                f"the table has no watermark for {self.name} yet",
                "Give sync_from for the first run: a day before your first invoice, such as 2026-02-01.",
            )
        return self.sync_from

    def count_windows(self) -> int:
        """Count the windows that lie ahead."""
        return count_windows(self.position(), datetime.now(UTC))

    def request(self) -> ExportRequest:
        """Ask for the window that begins at the watermark."""
        window = next_window(self.position(), datetime.now(UTC))
        return ExportRequest(self.name, window.start, window.end, only_metadata=self.only_metadata)

    def take(self, pending: PendingExport, package: ExportPackage) -> Taken:
        """
        Put what a finished export brought into the table, and move the watermark.

        :raises KsefIntegrityError: where the package is not what KSeF announced.
        :raises KsefFullInstantError: where one export cannot hold all invoices of an instant.
        :raises KsefWatermarkError: where another run was faster.
        """
        window = Window(pending.window_start, pending.window_end)
        end = _next_position(window, package)
        committed = CommittedWindow(window.start, end, pending.reference_number)
        taken = self.writer.take(pending, package, lambda _: committed, moves_watermark=True)
        has_more = (package.is_truncated or window.end is not None) and is_after(end, window.start)
        return replace(taken, has_more=has_more)

    def nothing_new(self, request: ExportRequest) -> None:
        """Keep the watermark; on a first run note where it began, so that the next run knows it, too."""
        log.info("%s: nothing new since %s.", self.name, request.start)
        if self.watermark() is None:
            start = CommittedWindow(request.start, request.start, "")
            self.writer.commit(start, IncomingRows(INVOICES.empty_table()), moves_watermark=True)


def _next_position(window: Window, package: ExportPackage) -> str:
    try:
        return next_position(
            window,
            package.is_truncated,
            package.last_permanent_storage_date,
            package.permanent_storage_hwm_date,
        )
    except KsefFullInstantError as error:
        raise KsefFullInstantError(
            error.message, f"{error.remedy} The table is complete up to there."
        ) from error
