"""A connection for each company: what is sent and what is received, mapped over them."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

CONNECTIONS = ["ksef_alfa", "ksef_beta", "ksef_gone"]

with DAG(
    dag_id="ksef_many_connections",
    schedule=None,
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    params={"folder": Param("", type="string")},
):
    KsefSubmitBatchOperator.partial(
        task_id="submit",
        poll_interval=0.2,
        retries=0,
        map_index_template="{{ task.ksef_conn_id }}",
    ).expand_kwargs(
        [{"ksef_conn_id": name, "invoices": "{{ params.folder }}/" + name} for name in CONNECTIONS]
    )
    KsefSyncInvoicesOperator.partial(
        task_id="sync",
        tables_path="{{ params.folder }}/tables",
        sync_from="2026-02-01",
        poll_interval=0.2,
        retries=0,
        deferrable=True,
        map_index_template="{{ task.ksef_conn_id }}",
    ).expand(ksef_conn_id=CONNECTIONS)
