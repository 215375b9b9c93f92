"""One identifier for the invoices that the instances of a mapped task tell."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, task

from airflow_provider_ksef.operators.collective_identifier import KsefCollectiveIdentifierOperator

with DAG(dag_id="ksef_collected", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)):

    @task
    def listed(params: dict[str, list[str]]) -> list[str]:
        return params["numbers"]

    @task
    def told(number: str) -> str:
        return number

    KsefCollectiveIdentifierOperator(task_id="collect", ksef_numbers=told.expand(number=listed()))
