"""Many tasks that share one company's limits; a wait of five seconds stands for one of a minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.assets import invoices_asset
from airflow_provider_ksef.client import retries
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

ASSET = invoices_asset("5250001210", environment="http://127.0.0.1/v2")
retries.LONGEST_WAIT = 5.0

with DAG(
    "limited_sync",
    schedule=None,
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    params={
        "conn": Param("", type="string"),
        "sync_from": Param("", type="string"),
        "tables": Param([], type="array"),
    },
):

    @task
    def ways(params: dict[str, Any]) -> list[dict[str, Any]]:
        """Let every other task be deferrable."""
        return [
            {"tables_path": path, "deferrable": number % 2 == 0}
            for number, path in enumerate(params["tables"])
        ]

    KsefSyncInvoicesOperator.partial(
        task_id="sync",
        ksef_conn_id="{{ params.conn }}",
        sync_from="{{ params.sync_from }}",
        poll_interval=0.5,
        retries=0,
        outlets=[ASSET],  # of tasks that make an alias' asset in the same instant Airflow fails one
    ).expand_kwargs(ways())
