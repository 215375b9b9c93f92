"""Month by month, fill the table of received invoices from the first month on, and prove each month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_ksef.transfers.invoices_to_parquet import KsefBackfillInvoicesOperator
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator

with DAG(
    dag_id="example_ksef_backfill_invoices",
    # a schedule="@monthly" alone has data intervals without any length in Airflow 3
    schedule=CronDataIntervalTimetable("@monthly", timezone="Europe/Warsaw"),
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=True,  # a run for each month since start_date; "airflow backfill create" makes them again
    max_active_runs=3,  # they may write the same table at once, and beside a sync
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "tables_path": Param(
            "/data/ksef/tables", type="string", description="Folder, or s3://aws_default@bucket/ksef"
        ),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    interval = {
        "date_from": "{{ data_interval_start }}",
        "date_to": "{{ data_interval_end }}",  # not included, as Airflow means it
    }
    backfill = KsefBackfillInvoicesOperator(
        task_id="backfill",
        ksef_conn_id="ksef_default",
        tables_path="{{ params.tables_path }}",
        subject_types=["Subject2"],  # the company as the buyer
        deferrable=False,  # True leaves the worker slot free while KSeF prepares an export
        poll_interval=2,
        **interval,
    )
    verify = KsefVerifyInvoicesOperator(
        task_id="verify",
        ksef_conn_id="ksef_default",
        tables_path="{{ params.tables_path }}",
        subject_types=["Subject2"],
        repair=False,  # True puts missing rows into the table
        poll_interval=2,
        **interval,
    )
    backfill >> verify
