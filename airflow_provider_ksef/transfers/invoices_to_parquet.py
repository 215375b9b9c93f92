"""Received invoices become Parquet tables."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import (
    BaseOperator,
    Context,
    ObjectStoragePath,
    RetryPolicy,
    default_deferrable,
    task_state,
)
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.exports import ExportStatus
from airflow_provider_ksef.exceptions import (
    KsefExportError,
    KsefInputError,
    KsefIntegrityError,
    KsefTimeoutError,
    KsefWatermarkError,
)
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.parameters import check_above, check_at_least, path_of
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.transfers.pending_export import PendingExport
from airflow_provider_ksef.transfers.sync_progress import SyncProgress, Waiting
from airflow_provider_ksef.triggers.export import KsefExportTrigger
from airflow_provider_ksef.triggers.polling import refuse_blind_trigger

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.subject_sync import SubjectSync

SUBJECT_TYPES = ("Subject1", "Subject2", "Subject3", "SubjectAuthorized")
MAX_ABANDONED = 2
"""Exports that one task run gives up and begins anew before it fails and leaves the rest to its next try."""
EXPORT_TIMEOUT_SECONDS = 2 * 3600.0


class KsefSyncInvoicesOperator(BaseOperator):
    """
    Bring the table of invoices up to KSeF's high-water mark, by metadata exports.

    The table carries its own watermark: each run fetches what came since, a first run begins at
    ``sync_from``, and what is in the table already is not written again. The task may be killed and retried
    at any time; a next try goes on with the export that KSeF has prepared.

    The result is ``{"rows", "files", "exports", "watermark": {subject_type: position},
    "complete_through": {subject_type: date}}``: ``watermark`` is KSeF's own date string,
    ``complete_through`` the last Polish day whose stored invoices are all in the table; both are None where
    nothing was committed yet.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param sync_from: where the first run begins: a date (its midnight in Poland) or a date-time with offset.
    :param subject_types: roles of the company on the invoices: ``Subject1`` seller, ``Subject2`` buyer,
        ``Subject3`` third party, ``SubjectAuthorized``.
    :param include_documents: not there yet; only False.
    :param table_format: only ``parquet`` so far.
    :param max_exports: stop after so many exports; the next run goes on. KSeF allows 20 an hour.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions for an export's status.
    :param timeout: seconds to wait for one export before it is given up.
    """

    template_fields: Sequence[str] = (
        "tables_path",
        "ksef_conn_id",
        "context_identifier",
        "sync_from",
        "subject_types",
    )
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        sync_from: str | date | datetime | None = None,
        subject_types: Sequence[str] = ("Subject2",),
        include_documents: bool = False,
        table_format: str = "parquet",
        max_exports: int | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = EXPORT_TIMEOUT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        _check_not_there_yet(include_documents, table_format)
        check_at_least("max_exports", 0 if max_exports is None else max_exports, 0)
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        self.tables_path = tables_path
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.sync_from = sync_from
        self.subject_types = subject_types
        self.include_documents = include_documents
        self.table_format = table_format
        self.max_exports = max_exports
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch window after window until nothing is left, or the allowed exports are used up."""
        return self._sync(context, SyncProgress(), None)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more, so that the event need not be believed."""
        self.log.info("Export %s: woken up with code %s.", event["reference_number"], event["code"])
        resume = event["resume"]
        waiting = Waiting(
            PendingExport.from_json(resume["pending"]), resume["deadline"], trigger_error=event["error"]
        )
        return self._sync(context, SyncProgress.from_json(resume["progress"]), waiting)

    def _sync(self, context: Context, progress: SyncProgress, waiting: Waiting | None) -> dict[str, Any]:
        with KsefHook(self.ksef_conn_id, self.context_identifier).get_conn() as ksef:
            syncs = self._subject_syncs(context, ksef)
            if waiting is None:
                for sync in syncs:
                    sync.log_plan()
            for sync in syncs:
                if sync.key.subject_type in progress.done:
                    continue
                own = waiting is not None and waiting.pending.subject_type == sync.key.subject_type
                self._sync_subject(sync, progress, waiting if own else None)
                progress.done.append(sync.key.subject_type)
            return self._result(progress, syncs)

    def _subject_syncs(self, context: Context, ksef: KsefClient) -> list[SubjectSync]:
        """Check everything that was given, before the first call."""
        from airflow_provider_ksef.tables.layout import TableKey, check_root, context_name
        from airflow_provider_ksef.tables.watermark import check_environment
        from airflow_provider_ksef.tables.windows import check_sync_from
        from airflow_provider_ksef.transfers.subject_sync import SubjectSync

        _check_subject_types(self.subject_types)
        root = path_of("tables_path", self.tables_path)
        check_root(root)
        check_environment(root, ksef.settings.environment.name)
        given = self.sync_from
        sync_from = None if given is None or given == "" else check_sync_from(given, datetime.now(UTC))
        identifier = ksef.settings.context
        table_context = context_name(identifier.type, identifier.value)
        syncs = [
            SubjectSync(
                ksef,
                root,
                TableKey(table_context, subject_type),
                sync_from=sync_from,
                state=task_state(context),
                owner=_owner(context),
            )
            for subject_type in self.subject_types
        ]
        for sync in syncs:
            sync.position()
        return syncs

    def _sync_subject(self, sync: SubjectSync, progress: SyncProgress, waiting: Waiting | None) -> None:
        """Walk a subject type's windows; ``waiting`` is the export that a deferral waited for."""
        waiting = waiting or self._next_export(sync, progress)
        while waiting is not None:
            try:
                status = self._wait(sync, progress, waiting)
                taken = sync.take(waiting.pending, status)
            except (KsefExportError, KsefIntegrityError, KsefWatermarkError) as error:
                progress.abandoned += 1
                if progress.abandoned > MAX_ABANDONED:
                    raise
                self.log.warning("%s Exporting the window anew.", error)
            else:
                progress.abandoned = 0
                progress.rows += taken.rows
                progress.files += taken.files
                if not taken.has_more:
                    return
            waiting = self._next_export(sync, progress)

    def _next_export(self, sync: SubjectSync, progress: SyncProgress) -> Waiting | None:
        """Give the export that an earlier try began, or begin one; None where no more is allowed or there."""
        pending = sync.noted_export()
        if pending is None:
            if self.max_exports is not None and progress.exports >= self.max_exports:
                self.log.info("%d exports done, as many as allowed: stopping.", progress.exports)
                return None
            pending = sync.start()
            if pending is None:
                return None
            progress.exports += 1
        return Waiting(pending, time.time() + self.timeout)

    def _wait(self, sync: SubjectSync, progress: SyncProgress, waiting: Waiting) -> ExportStatus:
        pending, deadline = waiting.pending, waiting.deadline
        while not (status := sync.status(pending)).is_final:
            self.log.info("Export %s: %d %s.", pending.reference_number, status.code, status.description)
            left = deadline - time.time()
            if left <= 0:
                sync.forget()
                raise KsefTimeoutError(
                    f"Export {pending.reference_number} was not ready within {self.timeout:.0f} s.",
                    "It is given up, the table is as it was; the next try begins a new export.",
                )
            if self.deferrable:
                refuse_blind_trigger(waiting.trigger_error)
                self.defer(
                    trigger=KsefExportTrigger(
                        pending.reference_number,
                        ksef_conn_id=self.ksef_conn_id,
                        context_identifier=self.context_identifier,
                        poll_interval=self.poll_interval,
                        deadline=deadline,
                        resume={
                            "progress": progress.to_json(),
                            "pending": pending.to_json(),
                            "deadline": deadline,
                        },
                    ),
                    method_name="execute_complete",
                )
            time.sleep(min(self.poll_interval, left))
        return status

    def _result(self, progress: SyncProgress, syncs: Sequence[SubjectSync]) -> dict[str, Any]:
        from airflow_provider_ksef.tables.moments import complete_through

        watermark = {sync.key.subject_type: sync.watermark() for sync in syncs}
        result = {
            "rows": progress.rows,
            "files": progress.files,
            "exports": progress.exports,
            "watermark": watermark,
            "complete_through": {
                subject_type: None if position is None else complete_through(position)
                for subject_type, position in watermark.items()
            },
        }
        self.log.info("Synchronised: %s", result)
        return result


def _owner(context: Context) -> str:
    """Name the task instance; each of its tries is the same owner."""
    task_instance = context["ti"]
    parts = (task_instance.dag_id, task_instance.run_id, task_instance.task_id, task_instance.map_index)
    return "/".join(str(part) for part in parts)


def _check_not_there_yet(include_documents: bool, table_format: str) -> None:
    if include_documents:
        raise KsefInputError(
            "include_documents",
            include_documents,
            "is not there yet",
            "Leave it False: the table holds the metadata.",
        )
    if table_format != "parquet":
        raise KsefInputError("table_format", table_format, "is not there yet", 'Use "parquet".')


def _check_subject_types(subject_types: Sequence[str]) -> None:
    is_list = isinstance(subject_types, Sequence) and not isinstance(subject_types, str)
    if not is_list or not subject_types or not set(subject_types) <= set(SUBJECT_TYPES):
        raise KsefInputError(
            "subject_types",
            subject_types,
            "is not a list of subject types",
            f"Give one or more of: {', '.join(SUBJECT_TYPES)}.",
        )
