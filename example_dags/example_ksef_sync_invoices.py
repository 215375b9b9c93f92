"""Every hour, bring the table of received invoices up to what KSeF holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

with DAG(
    dag_id="example_ksef_sync_invoices",
    schedule="@hourly",
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
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
        ksef_conn_id="ksef_default",
        tables_path="{{ params.tables_path }}",
        sync_from="{{ params.sync_from }}",  # for the first run only: then the table knows where it stands
        subject_types=["Subject2"],  # the company as the buyer
        deferrable=False,  # True leaves the worker slot free while KSeF prepares an export
        poll_interval=2,
    )
