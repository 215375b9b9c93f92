"""Operators that manage permissions, and what KSeF tells of what they have done."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.client import permission_queries
from airflow_provider_ksef.client.permission_filters import PersonPermissionsQueryRequest
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.managing import ManagingOperator
from airflow_provider_ksef.operators.permission_sync import KsefSyncPermissionsOperator
from airflow_provider_ksef.operators.permissions import (
    KsefGrantPermissionOperator,
    KsefRevokePermissionOperator,
)
from tests.emulator_process import EmulatorProcess
from tests.system.permitted import PERSON, PESEL
from tests.system.test_triggers import event_of

READS, WRITES = f"person: InvoiceRead of Pesel {PESEL}", f"person: InvoiceWrite of Pesel {PESEL}"
DELEGATES = "entity: InvoiceRead of Nip 1111111111, to be passed on"


def grant(permission: dict[str, Any] = PERSON, **more: Any) -> KsefGrantPermissionOperator:
    return KsefGrantPermissionOperator(task_id="grant", permission=permission, poll_interval=0.2, **more)


def revoke(permission: dict[str, Any] = PERSON, **more: Any) -> KsefRevokePermissionOperator:
    return KsefRevokePermissionOperator(task_id="revoke", permission=permission, poll_interval=0.2, **more)


def sync(wanted: list[dict[str, Any]] | str, **more: Any) -> KsefSyncPermissionsOperator:
    given = {"dry_run": False, "poll_interval": 0.2, **more}
    return KsefSyncPermissionsOperator(task_id="sync", wanted=wanted, **given)


def held() -> set[str]:
    """What KSeF tells, read by the client alone."""
    with KsefHook().get_conn() as ksef:
        told = ksef.run(permission_queries.query_persons_grants(PersonPermissionsQueryRequest()))
    return {f"{each.permission_scope} {each.authorized_identifier.value}" for each in told}


def asked(emulator: EmulatorProcess) -> int:
    """How many changes KSeF was asked for."""
    return sum(
        count
        for name, count in emulator.requests().items()
        if "/permissions/" in name and "/grants" in name and "/query/" not in name
    )


def answer_unfinished(emulator: EmulatorProcess) -> None:
    """Let the first question after an operation be answered as if KSeF were still at it."""
    body = {"status": {"code": 100, "description": "Operacja przyjęta do realizacji"}}
    emulator.control("faults", method="GET", path="^/permissions/operations/", status=200, body=body)


def to_its_end(task: ManagingOperator, given: dict[str, Any]) -> dict[str, Any]:
    """Run a task as its worker and the triggerer do, deferred as often as it wants to be."""
    try:
        return task.execute(given)
    except TaskDeferred as deferred:
        waiting: Any = deferred
    while True:
        try:
            return task.execute_complete(given, event_of(waiting.trigger))
        except TaskDeferred as deferred:
            waiting = deferred
