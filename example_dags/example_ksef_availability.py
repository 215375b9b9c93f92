"""Before invoices are sent, wait while KSeF is under maintenance or has failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.sensors.availability import KsefAvailabilitySensor

with DAG(
    dag_id="example_ksef_availability",
    schedule="@daily",
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    params={
        "invoices": Param(
            "/data/ksef/outgoing", type="string", description="XML file, glob pattern or folder"
        ),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    available = KsefAvailabilitySensor(
        task_id="available",
        timeout=timedelta(hours=12).total_seconds(),
        deferrable=False,  # True leaves the worker slot free
    )
    submit = KsefSubmitBatchOperator(task_id="submit", invoices="{{ params.invoices }}", poll_interval=2)
    available >> submit
