"""Each month, wait for the month before, prove it and merge its files; tell of tables that lag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_ksef.operators.compaction import KsefCompactTableOperator
from airflow_provider_ksef.operators.freshness import KsefCheckFreshnessOperator
from airflow_provider_ksef.operators.retention import KsefDeleteRowsOperator
from airflow_provider_ksef.sensors.month_complete import KsefMonthCompleteSensor
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator

with DAG(
    dag_id="example_ksef_keep_tables",
    schedule=CronDataIntervalTimetable("@monthly", timezone="Europe/Warsaw"),
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    params={
        "tables_path": Param(
            "/data/ksef/tables", type="string", description="Folder, or s3://aws_default@bucket/ksef"
        ),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    tables = {"tables_path": "{{ params.tables_path }}", "subject_types": ["Subject2"]}
    fresh = KsefCheckFreshnessOperator(
        task_id="fresh",
        max_lag=timedelta(hours=6),  # on_failure_callback is where an alert belongs
        **tables,
    )
    month = {
        "month": "{{ data_interval_start.in_timezone('Europe/Warsaw').strftime('%Y-%m') }}",
        "timeout": timedelta(days=2).total_seconds(),
    }
    received = KsefMonthCompleteSensor(task_id="received", **month, **tables)
    verify = KsefVerifyInvoicesOperator(
        task_id="verify",
        ksef_conn_id="ksef_default",
        date_from="{{ data_interval_start }}",
        # an invoice of the last minutes may be stored after the month's end
        date_to="{{ data_interval_end.add(hours=1) }}",
        poll_interval=2,
        **tables,
    )
    complete = KsefMonthCompleteSensor(task_id="complete", require_verified=True, **month, **tables)
    compact = KsefCompactTableOperator(task_id="compact", **tables)
    forget = KsefDeleteRowsOperator(
        task_id="forget",
        before="{{ data_interval_start.subtract(years=11).strftime('%Y-%m-%d') }}",
        dry_run=True,  # False deletes for good
        **tables,
    )
    fresh >> received >> verify >> complete >> compact >> forget
