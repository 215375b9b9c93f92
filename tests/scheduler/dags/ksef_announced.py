"""A sync that announces new rows, and a DAG that is run by that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task
from ksef_noting import note_process

from airflow_provider_ksef.assets import invoices_asset
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

NIP = "5265877635"
ASSET = invoices_asset(NIP, environment="http://127.0.0.1/v2")


with DAG(
    "announced_sync",
    schedule=None,
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    params={name: Param("", type="string") for name in ("conn", "tables_path", "sync_from")},
):
    KsefSyncInvoicesOperator(
        task_id="sync",
        ksef_conn_id="{{ params.conn }}",
        tables_path="{{ params.tables_path }}",
        sync_from="{{ params.sync_from }}",
        outlets=[ASSET],
        retries=40,
        retry_delay=timedelta(0),
        poll_interval=0.3,
        pre_execute=note_process,
    )

with DAG("announced_book", schedule=[ASSET], start_date=datetime(2026, 2, 1, tzinfo=UTC)):

    @task
    def book(triggering_asset_events: dict[Any, Any] | None = None) -> list[Any]:
        """Tell what the run was begun for."""
        return [event.extra for events in (triggering_asset_events or {}).values() for event in events]

    book()
