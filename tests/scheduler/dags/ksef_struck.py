"""Tasks that tests kill: each try notes its process first, and a next one follows at once."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator


def note_process(context: dict[str, Any]) -> None:
    """Write down which process runs the try."""
    ti = context["ti"]
    note = Path(os.environ["KSEF_TEST_NOTES"], f"{ti.run_id}.{ti.task_id}")
    partial = note.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(f"{ti.try_number} {os.getpid()}")
    partial.rename(note)


def text(*names: str) -> dict[str, Param]:
    """Declare parameters that are texts."""
    return {name: Param("", type="string") for name in ("conn", *names)}


COMMON: dict[str, Any] = {
    "start_date": datetime(2026, 2, 1, tzinfo=UTC),
    "default_args": {
        "ksef_conn_id": "{{ params.conn }}",
        "retries": 40,
        "retry_delay": timedelta(0),
        "poll_interval": 0.3,
        "pre_execute": note_process,
    },
}

for deferrable in (False, True):
    how = "deferred" if deferrable else "in_place"
    with DAG(f"struck_submit_{how}", schedule=None, params=text("invoices"), **COMMON):
        KsefSubmitBatchOperator(task_id="submit", invoices="{{ params.invoices }}", deferrable=deferrable)
    with DAG(f"struck_sync_{how}", schedule=None, params=text("tables_path", "sync_from"), **COMMON):
        KsefSyncInvoicesOperator(
            task_id="sync",
            tables_path="{{ params.tables_path }}",
            sync_from="{{ params.sync_from }}",
            deferrable=deferrable,
        )

with DAG("cleared_submit", schedule=None, params=text("invoices"), **COMMON):
    KsefSubmitBatchOperator(task_id="submit", invoices="{{ params.invoices }}", durable=False)
