"""Who may do what for a company, by what one logs in, and how much is allowed: kept for an auditor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import (
    BaseOperator,
    Context,
    ObjectStoragePath,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.input_checks import is_list
from airflow_provider_ksef.exceptions import KsefInputError, KsefTimeoutError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.lineage import AuditTraffic, lineage_of
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.operators.parameters import check_at_least, is_given, path_of
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.transfers.audit_sources import AUDITED, Items, read_all_audited
from airflow_provider_ksef.transfers.audit_waiting import read_to_its_end
from airflow_provider_ksef.triggers.events import Resume, read_event

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from upath import UPath

TIMEOUT_SECONDS = 4 * 3600.0


class KsefAuditToParquetOperator(BaseOperator):
    """
    Take a snapshot of a company's permissions, tokens, certificates, logins and limits in KSeF.

    KSeF tells only what is so now, so a snapshot is of the day in Poland on which the task runs, whatever its
    data interval. Another run on the same day takes its place. Nothing is written before all is read.

    Certificates, limits of the subject, and tokens without ``CredentialsManage`` or ``CredentialsRead`` are
    those of who is logged in; permissions need one of these two.

    The result is ``{"context", "snapshot_date", "rows": {table: count}}``.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param tables: which of ``permissions``, ``tokens``, ``certificates``, ``login_sessions``, ``limits``.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: where KSeF's rate limits leave no call for long, wait in the triggerer and begin anew;
        a list of more than one page that was begun is waited for in place.
    :param timeout: seconds after which it waits no more.
    """

    template_fields: Sequence[str] = ("tables_path", "tables", "ksef_conn_id", "context_identifier")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        tables: Sequence[str] = AUDITED,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        timeout: float = TIMEOUT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        if tables is None or is_given(tables):
            _check_tables(tables)
        check_at_least("timeout", timeout, 0)
        self.tables_path = tables_path
        self.tables = tables
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.deferrable = deferrable
        self.timeout = timeout
        self.traffic: AuditTraffic | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Read everything, then write it."""
        del context
        return self._audit(time.time() + self.timeout)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Begin anew after a wait for KSeF's rate limits: a snapshot is of one moment."""
        del context
        deadline = read_event(event, Resume, timeout=self.timeout, expected="").resume.deadline
        if time.time() > deadline:
            raise KsefTimeoutError(
                f"KSeF's rate limits left no time for a snapshot within {self.timeout:.0f} s.",
                "Let the task run when fewer others call KSeF for this company, or raise timeout.",
            )
        return self._audit(deadline)

    def on_kill(self) -> None:
        """End the login session, and the task; the next try begins anew."""
        end_killed_task()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage what was read and written; its listener calls this when the task has ended."""
        del task_instance
        return lineage_of(self.traffic)

    def _audit(self, deadline: float) -> dict[str, Any]:
        from airflow_provider_ksef.tables.environment import check_environment
        from airflow_provider_ksef.tables.layout import check_root

        _check_tables(self.tables)
        root = path_of("tables_path", self.tables_path)
        check_root(root)
        hook = KsefHook(self.ksef_conn_id, self.context_identifier)
        check_environment(root, hook.settings.environment.name)
        with long_waits(self, "", lambda: {"deadline": deadline}), hook.get_conn() as ksef:
            taken_at = datetime.now(UTC)
            reading = read_all_audited(dict.fromkeys(self.tables), ksef.settings.context.type)
            told = ksef.run(read_to_its_end(reading, deadline))
        return self._keep(root, ksef, told, taken_at)

    def _keep(
        self, root: UPath, ksef: KsefClient, told: dict[str, dict[str, Items]], taken_at: datetime
    ) -> dict[str, Any]:
        from airflow_provider_ksef.tables.audit_snapshots import keep_snapshot
        from airflow_provider_ksef.tables.layout import context_name
        from airflow_provider_ksef.tables.moments import POLAND

        identifier = ksef.settings.context
        name, environment = context_name(identifier.type, identifier.value), ksef.settings.environment.name
        rows = {
            table: keep_snapshot(root, name, table, lists, taken_at=taken_at, environment=environment)
            for table, lists in told.items()
        }
        self.traffic = AuditTraffic(ksef.settings, self.tables_path, rows)
        day = taken_at.astimezone(POLAND).date().isoformat()
        self.log.info("Snapshot of %s, %s: %s rows.", name, day, rows)
        return {"context": name, "snapshot_date": day, "rows": rows}


def _check_tables(tables: object) -> None:
    named = tables if is_list(tables) else ()
    if not named or any(table not in AUDITED for table in named):
        raise KsefInputError(
            "tables",
            tables,
            "is not a list of audit tables",
            f"Give a list of one or more of: {', '.join(AUDITED)}.",
        )
