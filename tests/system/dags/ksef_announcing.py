"""Tasks that tell of what they put into the tables, by each kind of outlet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param

from airflow_provider_ksef.assets import invoices_asset
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)

GIVEN = ("tables_path", "sync_from", "date_from", "date_to")
HERE = invoices_asset("5250001210", environment="http://127.0.0.1/v2")
SYNC: dict[str, Any] = {
    "task_id": "sync",
    "tables_path": "{{ params.tables_path }}",
    "sync_from": "{{ params.sync_from }}",
    "poll_interval": 0.2,
    "retries": 0,
}


def a_dag(dag_id: str) -> DAG:
    return DAG(
        dag_id,
        schedule=None,
        start_date=datetime(2026, 2, 1, tzinfo=UTC),
        params={name: Param("", type="string") for name in GIVEN},
    )


with a_dag("announcing"):
    KsefSyncInvoicesOperator(**SYNC)

with a_dag("announcing_deferred"):
    KsefSyncInvoicesOperator(**SYNC, deferrable=True)

with a_dag("naming"):
    KsefSyncInvoicesOperator(**SYNC, outlets=[HERE])

with a_dag("announcing_mapped"):
    KsefSyncInvoicesOperator.partial(**SYNC).expand(ksef_conn_id=["ksef_default"])

with a_dag("announcing_plan"):
    KsefSyncInvoicesOperator(**SYNC, outlets=[HERE], dry_run=True)

with a_dag("announcing_backfill"):
    KsefBackfillInvoicesOperator(
        task_id="backfill",
        tables_path="{{ params.tables_path }}",
        date_from="{{ params.date_from }}",
        date_to="{{ params.date_to }}",
        poll_interval=0.2,
        retries=0,
    )
