"""The tables of received invoices are filled for a stated interval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.assets import INVOICES_ALIAS
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.filters import DATE_TYPES
from airflow_provider_ksef.operators.parameters import check_choice, is_given
from airflow_provider_ksef.transfers.export_operator import KsefExportOperator
from airflow_provider_ksef.transfers.export_walk import Waiting, resumed
from airflow_provider_ksef.transfers.kept_progress import kept_progress
from airflow_provider_ksef.transfers.pending_export import PERMANENT_STORAGE
from airflow_provider_ksef.transfers.progress import Progress
from airflow_provider_ksef.transfers.window_notes import WindowNotes, notes_of

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.window_backfill import WindowBackfill


class KsefBackfillInvoicesOperator(KsefExportOperator):
    """
    Put the invoices of a stated interval into the tables, beside sync and without touching its watermark.

    The interval is half-open, as Airflow's data intervals are: ``date_from="{{ data_interval_start }}"``,
    ``date_to="{{ data_interval_end }}"``. It is divided into windows of up to 89 days, each a unit of its
    own: one that fails does not stop the others, and the task fails at the end, after it has pushed the
    result under the XCom key ``result``. A retry leaves out the windows that are done. Invoices that are in
    the table are not written again, so a backfill may run beside sync and beside other backfills.

    The result is ``{"rows", "documents", "lines", "unreadable", "planned_exports", "exports", "windows":
    [{"subject_type", "from", "to", "state", "planned_exports", "rows", "documents", "lines", "unreadable",
    "error"}]}``; ``state`` is ``succeeded``, ``failed`` or ``left``. A window beyond ``max_exports`` is left,
    and the task fails so that its next try goes on.

    An asset event for each subject type tells how many invoices came, where any did
    (:func:`~airflow_provider_ksef.assets.invoices_asset`).

    :param date_from: the first moment: a date (its midnight in Poland) or a date-time with offset.
    :param date_to: the end, not included; likewise.
    :param date_type: which date they mean. ``PermanentStorage``, when KSeF stored the invoice for good, is
        the one by which a window can be known to be whole: once KSeF's high-water mark has passed its end.
        ``Invoicing`` is when KSeF took the invoice in, ``Issue`` the day on the invoice: days count as whole,
        and later invoices may still come.
        Further parameters: :class:`~airflow_provider_ksef.transfers.export_operator.KsefExportOperator`.
    """

    template_fields: Sequence[str] = (
        *KsefExportOperator.template_fields,
        "date_from",
        "date_to",
        "date_type",
    )

    def __init__(
        self,
        *,
        date_from: str | date | datetime,
        date_to: str | date | datetime,
        date_type: str = PERMANENT_STORAGE,
        **kwargs: Any,
    ) -> None:
        outlets = kwargs.pop("outlets", None) or [INVOICES_ALIAS]  # .partial() gives an empty list
        super().__init__(outlets=outlets, **kwargs)
        self.date_from = date_from
        self.date_to = date_to
        self.date_type = date_type
        if is_given(date_type):
            check_choice("date_type", date_type, DATE_TYPES)

    def execute(self, context: Context) -> dict[str, Any]:
        """Walk the windows that an earlier try has not done."""
        progress = kept_progress(context) or self._notes(context).restore()
        return self._backfill(context, progress, None)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger."""
        return self._backfill(context, *resumed(event, self.patience))

    def _notes(self, context: Context) -> WindowNotes:
        return notes_of(self, context, date_type=self.date_type, include_documents=self.include_documents)

    def _backfill(self, context: Context, progress: Progress, waiting: Waiting | None) -> dict[str, Any]:
        from airflow_provider_ksef.transfers.window_runs import plan_windows, run_windows

        with self.long_waits(context, progress), self.hook.get_conn() as ksef:
            units = self._units(context, ksef, progress)
            if self.plan_only:
                self.outlets = []  # no event comes of a plan
                return plan_windows(ksef, units, progress).to_json()
            result = run_windows(self, context, ksef, units, progress, waiting=waiting)
            self._announce(context, units)
            self.keep_traffic(ksef, result)
        self.log.info(
            "Backfilled: %d new invoice(s) by %d export(s) in %d window(s).",
            result["rows"],
            result["exports"],
            len(result["windows"]),
        )
        return result

    def _announce(self, context: Context, units: Sequence[WindowBackfill]) -> None:
        from airflow_provider_ksef.transfers.table_events import News, announce

        for subject_type in dict.fromkeys(unit.record.subject_type for unit in units):
            own = [unit for unit in units if unit.record.subject_type == subject_type]
            start, end = own[0].record.window.start, own[-1].record.window.end
            rows = sum(unit.record.kept.get("rows", 0) for unit in own)
            announce(self, context, own[0].writer, News("backfill", rows, start, str(end)))

    def _units(self, context: Context, ksef: KsefClient, progress: Progress) -> list[WindowBackfill]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.intervals import interval_windows
        from airflow_provider_ksef.transfers.window_backfill import COUNTS, WindowBackfill
        from airflow_provider_ksef.transfers.window_record import WindowRecord

        check_choice("date_type", self.date_type, DATE_TYPES)
        windows = interval_windows(self.date_from, self.date_to, self.date_type, datetime.now(UTC))
        remember = partial(self._notes(context).write, progress)
        return [
            WindowBackfill(
                exporter=exporter,
                writer=writer,
                record=WindowRecord(exporter.subject_type, window, COUNTS, progress.units, remember),
                date_type=self.date_type,
                only_metadata=not self.include_documents,
            )
            for exporter, writer in self.writers(context, ksef)
            for window in windows
        ]
