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

COMMON: dict[str, Any] = {"deferrable": True, "poll_interval": 0.2, "retries": 0}
ANNA: dict[str, Any] = {
    "kind": "person",
    "subject_identifier": {"type": "Pesel", "value": "30112206276"},
    "permissions": ["InvoiceRead", "InvoiceWrite"],
    "description": "accounting",
    "subject_details": {"first_name": "Anna", "last_name": "Abacka"},
}

with DAG("ksef_managing", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)):
    (
        KsefGrantPermissionOperator(task_id="grant", permission=ANNA, **COMMON)
        >> KsefSyncPermissionsOperator(
            task_id="sync", wanted=[{**ANNA, "permissions": ["InvoiceRead"]}], dry_run=False, **COMMON
        )
        >> KsefRevokePermissionOperator(task_id="revoke", permission=ANNA, **COMMON)
    )
