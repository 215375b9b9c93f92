"""Run when KSeF has new invoices: a watcher looks four times an hour, and no task runs in vain."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Asset, AssetWatcher, Param

from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from airflow_provider_ksef.triggers.new_invoices import KsefNewInvoicesTrigger

arrivals = Asset(
    "ksef_arrivals",  # not the asset of the tables, which sync itself announces
    watchers=[AssetWatcher(name="ksef_new_invoices", trigger=KsefNewInvoicesTrigger("ksef_default"))],
)

with DAG(
    dag_id="example_ksef_event_driven",
    schedule=[arrivals],
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
