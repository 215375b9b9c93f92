"""Send a folder of invoices to KSeF, wait until each is judged, and tell which were rejected and why."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_ksef_submit_batch",
    schedule=None,
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
    params={
        "invoices": Param(
            "/data/ksef/outgoing", type="string", description="XML file, glob pattern or folder"
        ),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    submit = KsefSubmitBatchOperator(
        task_id="submit",
        ksef_conn_id="ksef_default",
        invoices="{{ params.invoices }}",
        form_code="FA (3)",
        on_rejected="warn",  # the default "fail" fails the task, after the result was pushed as XCom "result"
        deferrable=False,  # True leaves the worker slot free while KSeF works
        poll_interval=2,
    )

    @task
    def report(result: dict[str, Any]) -> None:
        """Tell somebody: open a ticket or write a mail here."""
        for rejection in result["rejections"]:
            log.warning("%s: %s %s", rejection["file"], rejection["description"], rejection["details"])

    report(submit.output)
