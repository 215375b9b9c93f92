"""What the tests of the audit tables share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient, permissions
from airflow_provider_ksef.transfers import audit_to_parquet


def do(ksef: KsefClient, request: Any) -> None:
    """Grant, and wait until it is done."""
    ksef.run(permissions.wait_for_operation(ksef.run(permissions.grant(request, ksef.settings.context))))


@contextmanager
def days_ago(days: int) -> Iterator[None]:
    """Let snapshots be taken so many days ago."""

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(days=days)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_to_parquet, "datetime", Earlier)
        yield
