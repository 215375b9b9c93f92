"""Every 15 minutes, fetch what KSeF has stored; another DAG runs when new invoices came, and only then."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.assets import INVOICES_ALIAS
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_ksef_sync_asset",
    schedule=timedelta(minutes=15),  # KSeF asks for no less
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "tables_path": Param(
            "/data/ksef/tables", type="string", description="Folder, or s3://aws_default@bucket/ksef"
        ),
        "sync_from": Param("2026-02-01", type="string", description="Where the first run begins"),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    KsefSyncInvoicesOperator(
        task_id="sync",
        tables_path="{{ params.tables_path }}",
        sync_from="{{ params.sync_from }}",
        poll_interval=2,
    )

with DAG(
    dag_id="example_ksef_new_invoices",
    schedule=[INVOICES_ALIAS],  # any company's; invoices_asset("5250001210") is one company's
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    tags=["ksef", "example"],
    doc_md=__doc__,
):

    @task
    def report(triggering_asset_events: Mapping[Any, Any]) -> int:
        """Read the new rows here: they were stored after window["from"], up to window["to"]."""
        news = [event.extra for events in triggering_asset_events.values() for event in events]
        for extra in news:
            log.info("%(rows)d new invoices of %(context)s, %(subject_type)s, in %(tables_path)s", extra)
        return sum(extra["rows"] for extra in news)

    report()
