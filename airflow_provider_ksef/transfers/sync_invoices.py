"""The tables of received invoices are kept up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.assets import INVOICES_ALIAS
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.transfers.export_operator import KsefExportOperator
from airflow_provider_ksef.transfers.export_walk import Waiting, resumed, walk
from airflow_provider_ksef.transfers.kept_progress import kept_progress
from airflow_provider_ksef.transfers.plan import KsefPlan, plan_here
from airflow_provider_ksef.transfers.progress import Progress

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.subject_sync import SubjectSync


class KsefSyncInvoicesOperator(KsefExportOperator):
    """
    Bring the tables of invoices up to KSeF's high-water mark.

    The tables carry their own watermark: each run fetches what came since, a first run begins at
    ``sync_from``, and what is there already is not written again. The task may be killed and retried at any
    time; a next try goes on with the export that KSeF has prepared.

    The result is ``{"rows", "documents", "lines", "unreadable", "files", "exports", "watermark":
    {subject_type: position}, "complete_through": {subject_type: date}}``: ``watermark`` is KSeF's own date
    string, ``complete_through`` the last Polish day whose stored invoices are all in the table; both are None
    where nothing was committed yet. After ``max_exports`` exports it stops, and the next run goes on.

    An asset event for each subject type tells what has come since its last one
    (:func:`~airflow_provider_ksef.assets.invoices_asset`); where nothing has, there is none.

    :param sync_from: where the first run begins: a date (its midnight in Poland) or a date-time with offset.
        Further parameters: :class:`~airflow_provider_ksef.transfers.export_operator.KsefExportOperator`.
    """

    template_fields: Sequence[str] = (*KsefExportOperator.template_fields, "sync_from")

    def __init__(self, *, sync_from: str | date | datetime | None = None, **kwargs: Any) -> None:
        outlets = kwargs.pop("outlets", None) or [INVOICES_ALIAS]  # .partial() gives an empty list
        super().__init__(outlets=outlets, **kwargs)
        self.sync_from = sync_from

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch window after window until nothing is left, or the allowed exports are used up."""
        return self._sync(context, kept_progress(context) or Progress(), None)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger."""
        return self._sync(context, *resumed(event, self.patience))

    def _sync(self, context: Context, progress: Progress, waiting: Waiting | None) -> dict[str, Any]:
        with self.long_waits(context, progress), self.hook.get_conn() as ksef:
            syncs = self._subject_syncs(context, ksef)
            if waiting is None:
                plan = self._plan(ksef, syncs)
                if self.plan_only:
                    self.outlets = []  # no event comes of a plan
                    return plan.to_json()
            for sync in syncs:
                progress.units.setdefault(sync.name, {"began": sync.watermark()})
            for sync in syncs:
                if sync.name in progress.done:
                    continue
                own = waiting if waiting is not None and waiting.unit == sync.name else None
                walk(sync, self.patience, progress, own)
                progress.done.append(sync.name)
            self._announce(context, progress, syncs)
            result = self._result(progress, syncs)
            self.keep_traffic(ksef, result)
            return result

    def _subject_syncs(self, context: Context, ksef: KsefClient) -> list[SubjectSync]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.intervals import past_moment
        from airflow_provider_ksef.transfers.subject_sync import SubjectSync

        given, now = self.sync_from, datetime.now(UTC)
        sync_from = None if given is None or given == "" else past_moment("sync_from", given, now)
        syncs = [
            SubjectSync(exporter, writer, sync_from, only_metadata=not self.include_documents)
            for exporter, writer in self.writers(context, ksef)
        ]
        for sync in syncs:
            sync.position()
        return syncs

    def _plan(self, ksef: KsefClient, syncs: Sequence[SubjectSync]) -> KsefPlan:
        for sync in syncs:
            self.log.info("%s: from %s on, %d window(s).", sync.name, sync.position(), sync.count_windows())
        plan = plan_here(ksef, sum(sync.count_windows() for sync in syncs))
        self.log.info("This takes %s.", plan)
        return plan

    def _announce(self, context: Context, progress: Progress, syncs: Sequence[SubjectSync]) -> None:
        from airflow_provider_ksef.transfers.table_events import announce, news_of_sync

        for sync in syncs:
            began = progress.units[sync.name]["began"]
            news = news_of_sync(sync.writer, self.tables_path, began, sync.watermark())
            announce(self, context, sync.writer, news)

    def _result(self, progress: Progress, syncs: Sequence[SubjectSync]) -> dict[str, Any]:
        from airflow_provider_ksef.tables.moments import complete_through

        watermark = {sync.name: sync.watermark() for sync in syncs}
        complete = {
            subject_type: None if position is None else complete_through(position)
            for subject_type, position in watermark.items()
        }
        result = {
            "rows": progress.rows,
            "documents": progress.documents,
            "lines": progress.lines,
            "unreadable": progress.unreadable,
            "files": progress.files,
            "exports": progress.exports,
            "watermark": watermark,
            "complete_through": complete,
        }
        self.log.info(
            "Synchronised: %d new invoice(s) by %d export(s). Complete through: %s.",
            progress.rows,
            progress.exports,
            ", ".join(f"{name} {day}" for name, day in complete.items()),
        )
        return result
