"""Sending a folder in batches with rows of it kept beside, as on an Airflow without task state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.tables.reading import read
from tests.system.operator_context import context


def submit(invoices: Path, **parameters: Any) -> Any:
    """Run one try."""
    operator = KsefSubmitBatchOperator(
        task_id="submit",
        invoices=str(invoices),
        poll_interval=0.1,
        tables_path=str(invoices.parent / "tables"),
        **parameters,
    )
    return operator.execute(context())


def rows(invoices: Path) -> list[dict[str, Any]]:
    """Give what is kept of the files."""
    kept: list[dict[str, Any]] = read("submissions", invoices.parent / "tables").to_pylist()
    return kept
