"""The availability gate: it waits for Latarnia's word, in place and deferred, and says what it waits for."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred

from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment
from airflow_provider_ksef.exceptions import KsefTransportError, KsefUnavailableError
from airflow_provider_ksef.sensors import availability
from airflow_provider_ksef.sensors.availability import KsefAvailabilitySensor
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.operator_context import context
from tests.system.test_triggers import event_of


def sensor(**parameters: Any) -> KsefAvailabilitySensor:
    return KsefAvailabilitySensor(task_id="gate", **{"poke_interval": 0.1, "timeout": 20, **parameters})


def test_an_available_ksef_lets_through_without_a_login(connected: EmulatorProcess) -> None:
    assert sensor().execute(context()) == {"status": "AVAILABLE", "messages": []}
    assert connected.requests() == {"GET /latarnia/status": 1}


@pytest.mark.parametrize("status", ["MAINTENANCE", "FAILURE", "TOTAL_FAILURE"])
def test_it_waits_until_ksef_is_available_and_logs_why(
    connected: EmulatorProcess, caplog: pytest.LogCaptureFixture, status: str
) -> None:
    connected.control("latarnia", status=status, text="Prace do rana.")
    over = threading.Timer(1, connected.control, ["latarnia"], {"status": "AVAILABLE"})
    over.start()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert sensor().execute(context())["status"] == "AVAILABLE"
    assert time.monotonic() - began > 0.9
    assert "Prace do rana." in caplog.text
    assert f"{status}. Waiting." in caplog.text


def test_it_gives_up_after_its_timeout(connected: EmulatorProcess) -> None:
    connected.control("latarnia", status="FAILURE")
    with pytest.raises(AirflowSensorTimeout):
        sensor(timeout=0.5).execute(context())


def test_deferred_it_pokes_once_and_the_trigger_waits_on(connected: EmulatorProcess) -> None:
    connected.control("latarnia", status="FAILURE")
    gate = sensor(deferrable=True, poke_interval=1)
    with pytest.raises(TaskDeferred) as deferred:
        gate.execute(context())
    assert connected.requests() == {"GET /latarnia/status": 1}
    over = threading.Timer(0.5, connected.control, ["latarnia"], {"status": "AVAILABLE"})
    over.start()
    event = event_of(deferred.value.trigger)  # type: ignore[arg-type]
    assert event["code"] == 200
    assert gate.execute_complete(context(), event)["status"] == "AVAILABLE"
    assert set(connected.requests()) == {"GET /latarnia/status"}


def test_the_connection_of_an_office_needs_no_company_of_its_own(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(login="", password=TOKEN))
    connected.control("latarnia", status="FAILURE")
    gate = sensor(deferrable=True, context_identifier=NIP)
    with pytest.raises(TaskDeferred) as deferred:
        gate.execute(context())
    connected.control("latarnia", status="AVAILABLE")
    assert event_of(deferred.value.trigger)["code"] == 200  # type: ignore[arg-type]


def test_a_status_of_a_newer_latarnia_does_not_let_through(connected: EmulatorProcess) -> None:
    body = {"status": "DEGRADED", "messages": [{"id": "1-1", "text": "x"}], "new": 1}
    connected.control("faults", path="^/latarnia/status$", times=2, status=200, body=body)
    assert not sensor().poke(context()).is_done


@pytest.mark.parametrize("status", [200, 503])
def test_a_page_of_the_gateway_is_told_as_one(connected: EmulatorProcess, status: int) -> None:
    page = "<html><title>Przerwa techniczna</title></html>"
    connected.control("faults", path="^/latarnia/status$", times=9, status=status, body=page)
    with pytest.raises(KsefUnavailableError, match="HTML page titled 'Przerwa techniczna'"):
        sensor().execute(context())


def test_a_latarnia_that_is_cut_off_is_told(connected: EmulatorProcess) -> None:
    connected.control("faults", path="^/latarnia/status$", times=9, drop="before")
    with pytest.raises(KsefTransportError, match="/latarnia/status"):
        sensor().execute(context())


@pytest.mark.parametrize(("trust_mock", "is_done"), [(False, True), (True, False)])
def test_the_mock_of_test_and_demo_is_not_waited_for(
    connected: EmulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trust_mock: bool,
    is_done: bool,
) -> None:
    monkeypatch.setattr(availability, "MOCKED", (connected.url,))
    connected.control("latarnia", status="TOTAL_FAILURE")
    with caplog.at_level(logging.WARNING):
        assert sensor(trust_mock=trust_mock).poke(context()).is_done is is_done
    assert ("is a mock" in caplog.text) is is_done


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (ENVIRONMENTS["test"], "https://api-latarnia-test.ksef.mf.gov.pl"),
        (ENVIRONMENTS["demo"], "https://api-latarnia-test.ksef.mf.gov.pl"),
        (ENVIRONMENTS["production"], "https://api-latarnia.ksef.mf.gov.pl"),
        (Environment("mine", "http://127.0.0.1:8089/v2", ""), "http://127.0.0.1:8089/latarnia"),
    ],
)
def test_each_environment_has_its_latarnia(environment: Environment, url: str) -> None:
    assert environment.latarnia_url == url
