"""Submitting a folder as tests do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator


def operator(invoices: Path, **parameters: Any) -> KsefSubmitBatchOperator:
    """A task that soon asks again how a session stands."""
    given = {"poll_interval": 0.1, **parameters}
    return KsefSubmitBatchOperator(task_id="submit", invoices=str(invoices), **given)
