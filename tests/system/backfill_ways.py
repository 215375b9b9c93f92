"""Backfilling the last 200 days as tests do it, and what is in the table afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_provider_ksef.tables import read
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefBackfillInvoicesOperator

NOW = datetime.now(UTC)
FIRST = NOW - timedelta(days=200)
LAST = NOW - timedelta(hours=1)
EXPORTS = "POST /invoices/exports"
STATUS = {"method": "GET", "path": "/v2/invoices/exports/.*"}


def backfill(tables: Path, **parameters: Any) -> KsefBackfillInvoicesOperator:
    given = {"date_from": str(FIRST), "date_to": str(LAST), "poll_interval": 0.1, **parameters}
    return KsefBackfillInvoicesOperator(task_id="backfill", tables_path=str(tables), **given)


def numbers(tables: Path) -> list[str]:
    return sorted(read("invoices", tables).column("ksef_number").to_pylist())
