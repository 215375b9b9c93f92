"""What all operators that export invoices are given, and what they check before the first call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
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
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.links.ksef import KsefTablesLink
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.lineage import TableTraffic, lineage_of
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.operators.parameters import (
    check_above,
    check_at_least,
    check_choice,
    check_subject_types,
    is_given,
    path_of,
    task_owner,
)
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.transfers.export_walk import Patience
from airflow_provider_ksef.transfers.kept_progress import keep_progress
from airflow_provider_ksef.transfers.progress import Progress

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_ksef.transfers.exporter import Exporter
    from airflow_provider_ksef.transfers.table_writer import TableWriter

TABLE_FORMATS = ("parquet", "delta")
EXPORT_TIMEOUT_SECONDS = 2 * 3600.0


class KsefExportOperator(BaseOperator):
    """
    The ground of the operators that export invoices; not used by itself.

    :param tables_path: folder of the tables: a local path or anything that ``ObjectStoragePath`` opens.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param subject_types: roles of the company on the invoices: ``Subject1`` seller, ``Subject2`` buyer,
        ``Subject3`` third party, ``SubjectAuthorized``.
    :param include_documents: export the documents too: they fill ``invoice_documents``, ``invoice_lines`` and
        ``invoice_vat_summary`` in the same commit.
    :param document_processes: processes that read documents on the worker, of large packages.
    :param table_format: ``parquet``, or ``delta`` with the extra of that name; tables are of one format.
    :param max_exports: begin no more than so many exports in one try. KSeF allows 20 an hour.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions for an export's status.
    :param timeout: seconds to wait for one export before it is given up.
    :param dry_run: tell how many calls and hours it takes (:class:`~.plan.KsefPlan`), and call nothing.
    """

    template_fields: Sequence[str] = ("tables_path", "ksef_conn_id", "context_identifier", "subject_types")
    operator_extra_links = (KsefTablesLink(),)
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        tables_path: str | ObjectStoragePath,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        subject_types: Sequence[str] = ("Subject2",),
        include_documents: bool = False,
        document_processes: int = 1,
        table_format: str = "parquet",
        max_exports: int | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 10.0,
        timeout: float = EXPORT_TIMEOUT_SECONDS,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_choice("table_format", table_format, TABLE_FORMATS)
        check_at_least("document_processes", document_processes, 1)
        check_at_least("max_exports", 0 if max_exports is None else max_exports, 0)
        if is_given(subject_types):
            check_subject_types(subject_types)
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        self.tables_path = tables_path
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.subject_types = subject_types
        self.include_documents = include_documents
        self.document_processes = document_processes
        self.table_format = table_format
        self.max_exports = max_exports
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.plan_only = dry_run  # BaseOperator has a method dry_run
        self.traffic: TableTraffic | None = None

    @property
    def hook(self) -> KsefHook:
        """The hook of this task's connection."""
        return KsefHook(self.ksef_conn_id, self.context_identifier)

    @property
    def patience(self) -> Patience:
        """How this task waits for exports."""
        return Patience(
            ksef_conn_id=self.ksef_conn_id,
            context_identifier=self.context_identifier,
            max_exports=self.max_exports,
            poll_interval=self.poll_interval,
            timeout=self.timeout,
            defer=self.defer if self.deferrable else None,
        )

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    def long_waits(self, context: Context, progress: Progress) -> AbstractContextManager[None]:
        """Leave the slot where KSeF's rate limits leave no call for long, and keep the progress."""
        return long_waits(self, "", partial(keep_progress, context, progress))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage what was read and written; its listener calls this when the task has ended."""
        del task_instance
        return lineage_of(self.traffic)

    def keep_traffic(self, ksef: KsefClient, result: dict[str, Any]) -> None:
        """
        Keep what was read and written for OpenLineage.

        :param ksef: the client.
        :param result: the task's, with ``rows``, ``documents`` and ``lines``.
        """
        rows: dict[str, int | None] = {"invoices": result["rows"]}
        if self.include_documents:
            counted = {"invoice_documents": result["documents"], "invoice_lines": result["lines"]}
            rows |= {**counted, "invoice_vat_summary": None}
        self.traffic = TableTraffic(ksef.settings, tuple(self.subject_types), self.tables_path, rows)

    def writers(self, context: Context, ksef: KsefClient) -> list[tuple[Exporter, TableWriter]]:
        """
        Open each subject type's part of the tables, after everything that was given is checked.

        :raises KsefInputError: where a parameter is wrong.
        :raises KsefTableError: where the tables hold another environment's rows.
        """
        from airflow_provider_ksef.tables.environment import check_environment
        from airflow_provider_ksef.tables.layout import TableKey, check_root, context_name
        from airflow_provider_ksef.tables.table_format import open_tables
        from airflow_provider_ksef.transfers.exporter import Exporter
        from airflow_provider_ksef.transfers.table_writer import TableWriter

        check_subject_types(self.subject_types)
        root = path_of("tables_path", self.tables_path)
        check_root(root)
        check_environment(root, ksef.settings.environment.name)
        tables = open_tables(root, self.table_format)
        identifier = ksef.settings.context
        table_context = context_name(identifier.type, identifier.value)
        state, owner = task_state(context), task_owner(context)
        return [
            (
                Exporter(ksef, state, subject_type),
                TableWriter(
                    ksef, tables, TableKey(table_context, subject_type), owner, self.document_processes
                ),
            )
            for subject_type in self.subject_types
        ]
