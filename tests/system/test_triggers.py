"""Waiting in the triggerer: what is stored, what is asked, what the event tells."""

from __future__ import annotations

import asyncio
import json
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_ksef.client import auth
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.triggers import polling
from airflow_provider_ksef.triggers.export import KsefExportTrigger
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger
from airflow_provider_ksef.triggers.session import KsefSessionTrigger
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context

REFERENCE = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
RESUME = {"deadline": 1.5}
CREATED = "2026-09-01T00:00:00Z"


def a_trigger(kind: type[KsefPollingTrigger], reference: str, deadline: float) -> KsefPollingTrigger:
    return kind(
        reference,
        ksef_conn_id="ksef_default",
        context_identifier=None,
        poll_interval=0.1,
        since=time.time(),
        deadline=deadline,
        resume=RESUME,
    )


def event_of(trigger: KsefPollingTrigger) -> dict[str, Any]:
    async def first() -> dict[str, Any]:
        event = await anext(aiter(trigger.run()))
        payload: dict[str, Any] = event.payload
        return payload

    return asyncio.run(asyncio.wait_for(first(), timeout=30))


def sent(folder: Path) -> str:
    operator = KsefSubmitBatchOperator(task_id="submit", invoices=str(folder), wait_for_completion=False)
    reference: str = operator.execute(context())["session_reference_number"]
    return reference


@pytest.mark.parametrize(
    ("soft_fail", "outcome"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)]
)
def test_a_deferred_sensor_times_out_as_one_in_place_does(
    connected: EmulatorProcess, soft_fail: bool, outcome: type[Exception]
) -> None:
    status = {"status": {"code": 150, "description": "x"}, "dateCreated": CREATED, "dateUpdated": CREATED}
    connected.control("faults", method="GET", path="^/sessions/[^/]+$", times=100, status=200, body=status)
    sensor = KsefSessionSensor(
        task_id="wait", session_reference_number=REFERENCE, deferrable=True, soft_fail=soft_fail
    )
    event = {"reference_number": REFERENCE, "code": None, "error": None, "resume": {"deadline": 1.0}}
    with pytest.raises(outcome):
        sensor.resume_execution("execute_complete", {"event": event}, context())


@pytest.mark.parametrize("kind", [KsefSessionTrigger, KsefExportTrigger])
def test_a_trigger_survives_being_stored(kind: type[KsefPollingTrigger]) -> None:
    trigger = a_trigger(kind, REFERENCE, 1234567890.5)
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == trigger.serialize()


def test_a_session_fires_when_it_is_processed(connected: EmulatorProcess, tmp_path: Path) -> None:
    reference = sent(sample_invoices(tmp_path, count=2))
    event = event_of(a_trigger(KsefSessionTrigger, reference, time.time() + 20))
    assert event == {"reference_number": reference, "code": 200, "error": None, "resume": RESUME}


@pytest.mark.parametrize(
    ("deadline", "least"),
    [pytest.param(60.0, 1.0, id="far"), pytest.param(0.3, 0.3, id="near")],
)
def test_no_event_comes_before_the_scheduler_has_seen_the_deferral(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, deadline: float, least: float
) -> None:
    monkeypatch.setattr(polling, "SETTLING_SECONDS", 1.0)
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps({"conn_type": "ksef"}))
    begun = time.time()
    event = event_of(a_trigger(KsefSessionTrigger, REFERENCE, begun + deadline))
    assert event["error"]
    assert least <= time.time() - begun < least + 10


def test_a_connection_that_only_the_workers_have_is_told(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SETTLING_SECONDS", 0.1)
    monkeypatch.delenv("AIRFLOW_CONN_KSEF_DEFAULT")
    event = event_of(a_trigger(KsefSessionTrigger, REFERENCE, time.time() + 10))
    assert event["code"] is None
    assert "ksef_default" in event["error"]


def test_what_passes_by_itself_is_waited_out(connected: EmulatorProcess, tmp_path: Path) -> None:
    reference = sent(sample_invoices(tmp_path, count=2))
    connected.control("faults", method="GET", path="/v2/sessions/.*", times=8, status=503, body="<html>")
    event = event_of(a_trigger(KsefSessionTrigger, reference, time.time() + 60))
    assert event["code"] == 200


@pytest.mark.parametrize("code", [500, 550])
def test_a_login_that_ksef_broke_off_is_waited_out(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(auth, "FAILURE_STANDS", 0.1)
    reference = sent(sample_invoices(tmp_path, count=2))
    connected.control("faults", kind="login-status", code=code, times=2)
    event = event_of(a_trigger(KsefSessionTrigger, reference, time.time() + 60))
    assert (event["code"], event["error"]) == (200, None)


def test_a_gateway_is_asked_no_sooner_than_it_says(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SETTLING_SECONDS", 0.1)
    monkeypatch.setattr(polling, "SPREAD_SECONDS", 0.1)
    path = f"/sessions/{REFERENCE}"
    answer = {"status": 503, "headers": {"Retry-After": "600"}, "body": "<html>"}
    connected.control("faults", method="GET", path=f"/v2{path}", times=100, **answer)
    assert event_of(a_trigger(KsefSessionTrigger, REFERENCE, time.time() + 3))["code"] is None
    assert connected.requests()["GET /sessions/{referenceNumber}"] == 2, "at first, and at the deadline"


def test_the_deadline_is_absolute(connected: EmulatorProcess, tmp_path: Path) -> None:
    body = {"status": {"code": 150, "description": "Trwa przetwarzanie"}}
    body |= {"dateCreated": "2026-09-01T00:00:00Z", "dateUpdated": "2026-09-01T00:00:00Z"}
    reference = sent(sample_invoices(tmp_path, count=2))
    connected.control("faults", method="GET", path="/v2/sessions/.*", times=100, status=200, body=body)
    event = event_of(a_trigger(KsefSessionTrigger, reference, time.time() + 0.5))
    assert event == {"reference_number": reference, "code": None, "error": None, "resume": RESUME}


def test_a_refused_login_is_told_and_not_waited_out(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {"conn_type": "ksef", "login": NIP, "password": "wrong-token-123456", "host": connected.url}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps(wrong))
    event = event_of(a_trigger(KsefSessionTrigger, REFERENCE, time.time() + 20))
    assert event["code"] is None
    assert "450" in event["error"]
    assert "wrong-token-123456" not in event["error"]
