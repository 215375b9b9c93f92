"""A task to which KSeF's limits leave no call for long leaves its slot and spends no retry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSensorTimeout, TaskDeferred

from airflow_provider_ksef.client import KsefClient, retries
from airflow_provider_ksef.client.answers import nothing
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.rate_limit_groups import OTHER
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.sensors.invoice import KsefInvoiceSensor
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger
from airflow_provider_ksef.triggers.session import KsefSessionTrigger
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import OWN_DAGS, run_dag
from tests.system.conftest import sample_invoices, seed, wait_for_hwm
from tests.system.operator_context import NotedState, context

SESSION = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
NOW = datetime.now(UTC)
INTERVAL = {"date_from": str((NOW - timedelta(days=50)).date()), "date_to": str(NOW.date())}
ROOMY = {"task_id": "task", "ksef_conn_id": "ksef_default"}

TASKS: dict[str, tuple[str, str, Callable[[Path, dict[str, Any]], Any]]] = {
    "batch": (
        "batchSession",
        "POST /sessions/batch",
        lambda at, more: KsefSubmitBatchOperator(invoices=str(sample_invoices(at / "out", count=1)), **more),
    ),
    "online": (
        "onlineSession",
        "POST /sessions/online",
        lambda at, more: KsefSendInvoicesOperator(invoices=str(sample_invoices(at / "out", count=1)), **more),
    ),
    "upo": (
        "sessionMisc",
        "GET /sessions/{referenceNumber}",
        lambda at, more: KsefDownloadUpoOperator(
            session_reference_number=SESSION, upo_path=str(at / "upo"), **more
        ),
    ),
    "session": (
        "sessionMisc",
        "GET /sessions/{referenceNumber}",
        lambda _at, more: KsefSessionSensor(session_reference_number=SESSION, **more),
    ),
    "invoice": (
        "invoiceMetadata",
        "POST /invoices/query/metadata",
        lambda _at, more: KsefInvoiceSensor(date_from=(NOW - timedelta(days=1)).isoformat(), **more),
    ),
    "sync": (
        "invoiceExport",
        "POST /invoices/exports",
        lambda at, more: KsefSyncInvoicesOperator(
            tables_path=str(at / "tables"), sync_from=INTERVAL["date_from"], **more
        ),
    ),
    "backfill": (
        "invoiceExport",
        "POST /invoices/exports",
        lambda at, more: KsefBackfillInvoicesOperator(tables_path=str(at / "tables"), **INTERVAL, **more),
    ),
    "audit": (
        OTHER,
        "GET /tokens",
        lambda at, more: KsefAuditToParquetOperator(tables_path=str(at / "tables"), **more),
    ),
    "verify": (
        "invoiceExport",
        "POST /invoices/exports",
        lambda at, more: KsefVerifyInvoicesOperator(tables_path=str(at / "tables"), **INTERVAL, **more),
    ),
}


@pytest.fixture
def limited(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RateLimiter:
    """The budget of the company of ``ksef_default``, which all its tasks keep to."""
    turns = tmp_path / "turns.sqlite"
    monkeypatch.setenv("AIRFLOW__KSEF__RATE_LIMITER", "sqlite")
    monkeypatch.setenv("AIRFLOW__KSEF__RATE_LIMITER_PATH", str(turns))
    with KsefClient(KsefHook().settings) as ksef:
        ksef.run(Call("POST", "/testdata/rate-limits/production", nothing))
    return RateLimiter(SqliteTurnStore(turns), KsefHook().settings)


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("name", TASKS)
def test_every_task_leaves_its_slot_before_anything_is_sent(
    limited: RateLimiter, connected: EmulatorProcess, tmp_path: Path, name: str, deferrable: bool
) -> None:
    group, endpoint, make = TASKS[name]
    limited.block(group, endpoint if group == OTHER else group, 1800)
    task = make(tmp_path, {**ROOMY, "deferrable": deferrable})
    with pytest.raises(TaskDeferred if deferrable else AirflowRescheduleException) as left:
        task.execute(context(NotedState()))
    if isinstance(left.value, TaskDeferred):
        assert left.value.method_name == "execute_complete"
        assert isinstance(left.value.trigger, KsefMomentTrigger)
        moment = left.value.trigger.moment
    else:
        moment = left.value.reschedule_date.timestamp()
    assert 1700 < moment - time.time() <= 1800
    assert endpoint not in connected.requests()


def test_a_sensor_in_place_counts_long_waits_in_its_timeout(connected: EmulatorProcess) -> None:
    pending = {"status": {"code": 150, "description": "x"}, "dateCreated": str(NOW), "dateUpdated": str(NOW)}
    path = f"/v2/sessions/{SESSION}"
    connected.control("faults", method="GET", path=path, times=99, status=200, body=pending)
    resumed = context()
    resumed["ti"].get_first_reschedule_date = lambda _: datetime.now(UTC) - timedelta(seconds=3)
    sensor = KsefSessionSensor(session_reference_number=SESSION, poke_interval=0.2, timeout=3, **ROOMY)
    with pytest.raises(AirflowSensorTimeout):
        sensor.execute(resumed)
    assert connected.requests()["GET /sessions/{referenceNumber}"] == 1


def stop_before_second_export(ksef: EmulatorProcess) -> None:
    exports = {"method": "POST", "path": "/v2/invoices/exports", "times": 1}
    ksef.control("faults", **exports, delay=0.01)
    ksef.control("faults", **exports, status=429, headers={"Retry-After": "900"})


def run_to_its_end(make: Callable[[], Any], state: NotedState) -> tuple[dict[str, Any], list[str]]:
    """Run a task, wake it up whenever it leaves its slot, and tell how it left."""
    left: list[str] = []
    event: dict[str, Any] | None = None
    while True:
        task = make()
        try:
            if event is None:
                return task.execute(context(state)), left
            return task.execute_complete(context(state), event), left
        except AirflowRescheduleException:
            left.append("rescheduled")
            event = None
        except TaskDeferred as deferred:
            trigger = deferred.trigger
            left.append(type(trigger).__name__)
            if isinstance(trigger, KsefMomentTrigger):
                trigger.moment = time.time()
            event = asyncio.run(anext(aiter(trigger.run()))).payload


@pytest.mark.parametrize(("deferrable", "how"), [(True, "KsefMomentTrigger"), (False, "rescheduled")])
@pytest.mark.parametrize("name", ["sync", "backfill"])
def test_what_was_done_before_a_long_wait_stands_in_the_result(
    connected: EmulatorProcess, tmp_path: Path, name: str, deferrable: bool, how: str
) -> None:
    seed(connected, 250, NOW - timedelta(days=40), NOW - timedelta(days=2))
    wait_for_hwm()
    stop_before_second_export(connected)
    more = {**ROOMY, "poll_interval": 0.1, "deferrable": deferrable}
    result, left = run_to_its_end(lambda: TASKS[name][2](tmp_path, more), NotedState())
    assert left.count(how) == 1
    assert (result["rows"], result["exports"]) == (250, 2)
    assert connected.requests()["POST /invoices/exports"] == 3


def test_a_next_try_counts_for_itself(connected: EmulatorProcess, tmp_path: Path) -> None:
    seed(connected, 250, NOW - timedelta(days=40), NOW - timedelta(days=2))
    wait_for_hwm()
    stop_before_second_export(connected)
    state = NotedState()
    sync = TASKS["sync"][2](tmp_path, {**ROOMY, "poll_interval": 0.1, "deferrable": False})
    with pytest.raises(AirflowRescheduleException):
        sync.execute(context(state))
    later = context(state)
    later["ti"].try_number = 2
    assert sync.execute(later)["rows"] == 50


def test_a_session_is_waited_for_over_a_long_wait(
    limited: RateLimiter, connected: EmulatorProcess, tmp_path: Path
) -> None:
    """The budget ends between the sending and the judgement; the deadline stays what it was."""
    submit = TASKS["batch"][2]
    more = {**ROOMY, "poll_interval": 0.1, "deferrable": True}
    state = NotedState()
    limited.block("sessionMisc", "sessionMisc", 1800)
    with pytest.raises(TaskDeferred) as left:
        submit(tmp_path, more).execute(context(state))
    resume = left.value.trigger.resume
    assert isinstance(left.value.trigger, KsefMomentTrigger)
    assert len(resume["sessions"]) == 1
    assert resume["deadline"] > time.time()
    (tmp_path / "turns.sqlite").unlink()
    event = asyncio.run(
        anext(
            aiter(
                KsefMomentTrigger(
                    resume["sessions"][0]["session_reference_number"], moment=0.0, resume=resume
                ).run()
            )
        )
    ).payload
    result, waited = run_to_its_end(lambda: _Woken(submit(tmp_path, more), event), state)
    assert (result["accepted"], result["status"]) == (1, "accepted")
    assert connected.requests()["POST /sessions/batch"] == 1
    assert set(waited) <= {KsefSessionTrigger.__name__}


class _Woken:
    """A task that begins with an event."""

    def __init__(self, task: Any, event: dict[str, Any]) -> None:
        self.execute_complete = task.execute_complete
        self.execute = lambda context: task.execute_complete(context, event)


@pytest.mark.parametrize("how", ["in_place", "deferred"])
def test_airflow_runs_a_task_that_left_its_slot_in_the_same_try(
    limited: RateLimiter,
    connected: EmulatorProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """The DAG's tasks have no retry to spend."""
    monkeypatch.setattr(retries, "LONGEST_WAIT", 0.5)
    seed(connected, 20, NOW - timedelta(days=3), NOW - timedelta(days=2))
    wait_for_hwm()
    too_many = {"status": 429, "headers": {"Retry-After": "4"}}
    connected.control("faults", method="POST", path="/v2/invoices/exports", times=1, **too_many)
    tables = tmp_path / "tables"
    conf = {"tables_path": str(tables), "sync_from": str((NOW - timedelta(days=5)).date())}
    run = run_dag(OWN_DAGS, f"sync_{how}", conf)
    assert run.state == "success"
    assert run.xcom("sync")["rows"] == 20
    assert connected.requests()["POST /invoices/exports"] == 2
    assert "The worker slot is free until then" in caplog.text
