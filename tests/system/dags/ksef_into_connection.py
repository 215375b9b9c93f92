"""A task whose token goes into an Airflow connection."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG

from airflow_provider_ksef.operators.connection_sink import AirflowConnectionSink
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator

with DAG("ksef_into_connection", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)):
    KsefGenerateTokenOperator(
        task_id="token",
        permissions=["InvoiceRead"],
        description="for the connection",
        sink=AirflowConnectionSink("ksef_kept"),
        retries=0,
        deferrable=True,
        poll_interval=0.2,
    )
