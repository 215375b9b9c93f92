"""One sync for many connections."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

with DAG(
    "mapped_sync",
    schedule=None,
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    params={
        "conns": Param([], type="array"),
        "tables_path": Param("", type="string"),
        "sync_from": Param("", type="string"),
    },
):

    @task
    def companies(params: dict[str, list[str]]) -> list[str]:
        """Name the connections."""
        return params["conns"]

    KsefSyncInvoicesOperator.partial(
        task_id="sync",
        tables_path="{{ params.tables_path }}",
        sync_from="{{ params.sync_from }}",
        map_index_template="{{ task.ksef_conn_id }}",
        poll_interval=0.3,
    ).expand(ksef_conn_id=companies())
