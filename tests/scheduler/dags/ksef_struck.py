"""Tasks that tests kill: each try notes its process first, and a next one follows at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param
from ksef_noting import KILLED

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator


def text(*names: str) -> dict[str, Param]:
    """Declare parameters that are texts."""
    return {name: Param("", type="string") for name in ("conn", *names)}


COMMON: dict[str, Any] = {"start_date": datetime(2026, 2, 1, tzinfo=UTC), "default_args": KILLED}

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
