"""Each Monday, keep who may do what in KSeF, and tell what changed and which certificates expire."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param, task
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_ksef_audit",
    schedule=CronTriggerTimetable("0 6 * * MON", timezone="Europe/Warsaw"),
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,  # KSeF tells only what is so now
    params={
        "tables_path": Param(
            "/data/ksef/tables", type="string", description="Folder, or s3://aws_default@bucket/ksef"
        ),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    snapshot = KsefAuditToParquetOperator(
        task_id="snapshot",
        ksef_conn_id="ksef_default",  # with CredentialsRead
        tables_path="{{ params.tables_path }}",
    )

    @task
    def report(taken: dict[str, Any], params: dict[str, Any]) -> dict[str, int]:
        """Send the lines to whoever must know; they name people, so only counts are returned."""
        from airflow.sdk import ObjectStoragePath

        from airflow_provider_ksef.tables.audit_report import audit_report

        found = audit_report(ObjectStoragePath(params["tables_path"]), taken["context"], expiring_days=60)
        for line in found.lines():
            log.info("%s", line)
        return {"changes": len(found.changes), "expiring": len(found.expiring)}

    report(snapshot.output)
