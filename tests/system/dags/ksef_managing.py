"""Permissions, managed by deferred tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG

from airflow_provider_ksef.operators.permission_sync import KsefSyncPermissionsOperator
from airflow_provider_ksef.operators.permissions import (
    KsefGrantPermissionOperator,
    KsefRevokePermissionOperator,
)
from tests.system.permitted import PERSON

COMMON: dict[str, Any] = {"deferrable": True, "poll_interval": 0.2, "retries": 0}

with DAG("ksef_managing", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)):
    (
        KsefGrantPermissionOperator(task_id="grant", permission=PERSON, **COMMON)
        >> KsefSyncPermissionsOperator(
            task_id="sync", wanted=[{**PERSON, "permissions": ["InvoiceRead"]}], dry_run=False, **COMMON
        )
        >> KsefRevokePermissionOperator(task_id="revoke", permission=PERSON, **COMMON)
    )
