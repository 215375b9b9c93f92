"""One subject type's way from the table's watermark to KSeF's high-water mark, window by window."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from upath import UPath

from airflow_provider_ksef._compat import TaskState
from airflow_provider_ksef.client import KsefClient, exports
from airflow_provider_ksef.client.exports import ExportPackage, ExportStatus
from airflow_provider_ksef.client.invoices import InvoiceFilters
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefExportError,
    KsefInputError,
    KsefIntegrityError,
    KsefWatermarkError,
)
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.moments import is_after
from airflow_provider_ksef.tables.schema import INVOICES
from airflow_provider_ksef.tables.table_format import open_tables
from airflow_provider_ksef.tables.windows import Window, count_windows, next_position, next_window
from airflow_provider_ksef.transfers.export_rows import rows_of
from airflow_provider_ksef.transfers.pending_export import PendingExport, new_export_key

log = logging.getLogger(__name__)

SUCCEEDED = 200
NOTHING_NEW = 420
KEY_NOT_DECRYPTED = 415
BEYOND_HWM = 21183
GONE_HTTP_STATUS = 410
NO_SUCH_EXPORT = 21175
MAX_EXPORTS_AN_HOUR = 20


@dataclass(frozen=True)
class Taken:
    """
    What one export brought.

    :param rows: rows written to the table.
    :param files: table files written.
    :param has_more: whether KSeF may hold more invoices for this subject type.
    """

    rows: int = 0
    files: int = 0
    has_more: bool = True


class SubjectSync:
    """
    Fetch what a table lacks of one subject type.

    :param ksef: the client.
    :param root: the tables' folder.
    :param key: the table's context and subject type.
    :param sync_from: where the first run begins; unused where the table has a watermark.
    :param state: remembers the pending export for the task's next try.
    :param owner: the task instance, for the table's lease.
    """

    def __init__(
        self,
        ksef: KsefClient,
        root: UPath,
        key: TableKey,
        *,
        sync_from: str | None,
        state: TaskState,
        owner: str,
    ) -> None:
        self.ksef = ksef
        self.root = root
        self.tables = open_tables(root)
        self.key = key
        self.sync_from = sync_from
        self.state = state
        self.owner = owner

    @property
    def _state_key(self) -> str:
        return f"export:{self.key.subject_type}"

    def watermark(self) -> str | None:
        """Give the point up to which the table is complete; None where nothing was committed yet."""
        watermark = self.tables.watermark(self.key)
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
                f"the table {self.root} has no watermark for {self.key.subject_type} yet",
                "Give sync_from for the first run: a day before your first invoice, such as 2026-02-01.",
            )
        return self.sync_from

    def log_plan(self) -> None:
        """Say how much work lies ahead, before the first call."""
        position = self.position()
        windows = count_windows(position, _now())
        log.info(
            "%s: from %s on, %d window(s), so at least %d export(s); KSeF allows %d an hour, "
            "which makes %.1f hour(s) or more of budget.",
            self.key.subject_type,
            position,
            windows,
            windows,
            MAX_EXPORTS_AN_HOUR,
            windows / MAX_EXPORTS_AN_HOUR,
        )

    def noted_export(self) -> PendingExport | None:
        """Give the export that an earlier try began, where it is still what the table needs."""
        noted = self.state.get(self._state_key)
        if not noted:
            return None
        try:
            pending = PendingExport.from_json(noted)
            is_ours = pending.key(self.ksef.settings) is not None
        except (TypeError, ValueError, AttributeError) as error:
            log.warning("%s: the note of an earlier try cannot be read: %s", self.key.subject_type, error)
            is_ours = False
        if not is_ours or pending.window_start != self.position():
            self.forget()
            return None
        log.info(
            "%s: going on with export %s of an earlier try.", pending.subject_type, pending.reference_number
        )
        return pending

    def start(self) -> PendingExport | None:
        """
        Ask KSeF for the next window's export and note it before anything waits for it.

        :returns: None where KSeF says at once that there is nothing new.
        """
        window = next_window(self.position(), _now())
        salt, derived = new_export_key(self.ksef.settings)
        filters = InvoiceFilters(
            subject_type=self.key.subject_type,
            date_type="PermanentStorage",
            date_from=window.start,
            date_to=window.end,
            restrict_to_hwm=True,
        )
        try:
            reference = self.ksef.run(exports.start(filters, derived.session_key, only_metadata=True))
        except KsefApiError as error:
            if error.fault.code != BEYOND_HWM:
                raise
            self._nothing_new(window.start)
            return None
        pending = PendingExport(
            reference_number=reference,
            subject_type=self.key.subject_type,
            window_start=window.start,
            window_end=window.end,
            salt=salt,
            check_value=derived.check_value,
        )
        self.state.set(self._state_key, pending.to_json())
        log.info(
            "%s: export %s from %s to %s.",
            self.key.subject_type,
            reference,
            window.start,
            window.end or "the high-water mark",
        )
        return pending

    def status(self, pending: PendingExport) -> ExportStatus:
        """
        Read an export's status.

        :raises KsefExportError: where KSeF does not keep the export any more.
        """
        try:
            return self.ksef.run(exports.get_status(pending.reference_number))
        except KsefApiError as error:
            fault = error.fault
            if fault.http_status != GONE_HTTP_STATUS and fault.code != NO_SUCH_EXPORT:
                raise
            self.forget()
            raise KsefExportError(
                f"Export {pending.reference_number}",
                fault.code or fault.http_status,
                fault.description,
                fault.details,
                "KSeF does not keep it any more; the window is exported anew.",
            ) from error

    def forget(self) -> None:
        """Drop the noted export: it was committed, or is of no use any more."""
        self.state.delete(self._state_key)

    def take(self, pending: PendingExport, status: ExportStatus) -> Taken:
        """
        Put what a finished export brought into the table.

        :raises KsefExportError: where KSeF could not make the package, or it has expired.
        :raises KsefIntegrityError: where the package is not what KSeF announced.
        """
        if status.code == NOTHING_NEW:
            self.forget()
            self._nothing_new(pending.window_start)
            return Taken(has_more=False)
        if status.code != SUCCEEDED or status.package is None:
            self.forget()
            if status.code == KEY_NOT_DECRYPTED:
                self.ksef.public_keys.forget()
            raise KsefExportError(
                f"Export {pending.reference_number}",
                status.code,
                status.description,
                status.details,
                "The table is as it was; the window is exported anew.",
            )
        try:
            taken = self._commit(pending, status.package)
        except (KsefIntegrityError, KsefWatermarkError):
            self.forget()
            raise
        self.forget()
        return taken

    def _nothing_new(self, position: str) -> None:
        """Keep the watermark; on a first run note where it began, so that the next run knows it, too."""
        log.info("%s: nothing new since %s.", self.key.subject_type, position)
        if self.watermark() is None:
            self.tables.commit(
                self.key,
                CommittedWindow(position, position, ""),
                IncomingRows(INVOICES.empty_table()),
                environment=self.ksef.settings.environment.name,
                owner=self.owner,
                moves_watermark=True,
            )

    def _commit(self, pending: PendingExport, package: ExportPackage) -> Taken:
        started = time.monotonic()
        window = Window(pending.window_start, pending.window_end)
        end = next_position(
            window,
            package.is_truncated,
            package.last_permanent_storage_date,
            package.permanent_storage_hwm_date,
        )
        rows = rows_of(self.ksef, self.key, pending, package)
        committed = self.tables.commit(
            self.key,
            CommittedWindow(window.start, end, pending.reference_number),
            IncomingRows(rows),
            environment=self.ksef.settings.environment.name,
            owner=self.owner,
            moves_watermark=True,
        )
        log.info(
            "%s: %d invoices up to %s, %d new row(s) in %d file(s), %d already there, %.1f s.",
            pending.subject_type,
            package.invoice_count,
            end,
            committed.rows_written,
            len(committed.files),
            committed.rows_already_there,
            time.monotonic() - started,
        )
        has_more = (package.is_truncated or window.end is not None) and is_after(end, window.start)
        return Taken(committed.rows_written, len(committed.files), has_more)


def _now() -> datetime:
    return datetime.now(UTC)
