"""Each day, hold KSeF's permissions against example_ksef_permissions.yaml; change them when told to."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.operators.permission_sync import KsefSyncPermissionsOperator

with DAG(
    dag_id="example_ksef_permissions",
    schedule="@daily",
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"apply": Param(default=False, type="boolean", description="Change what differs")},
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    wanted = "example_ksef_permissions.yaml"
    kinds = ("person", "entity")
    report = KsefSyncPermissionsOperator(task_id="report", wanted=wanted, kinds=kinds)

    @task.short_circuit
    def is_to_be_changed(params: dict[str, bool]) -> bool:
        """Go on where somebody has said so."""
        return params["apply"]

    apply_changes = KsefSyncPermissionsOperator(
        task_id="apply_changes", wanted=wanted, kinds=kinds, dry_run=False, poll_interval=2
    )
    report >> is_to_be_changed() >> apply_changes
