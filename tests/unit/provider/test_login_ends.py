"""Whatever becomes of a task, the login session that it opened is closed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.client import retries
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import make_samples
from airflow_provider_ksef.exceptions import KsefApiError, KsefUnavailableError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from tests.system.operator_context import NotedState, context
from tests.unit.client.fake_ksef import NIP, SESSION, FakeKsef, problem


@pytest.fixture
def ksef(monkeypatch: pytest.MonkeyPatch) -> FakeKsef:
    ksef = FakeKsef()
    monkeypatch.setattr(KsefHook, "get_conn", lambda _: ksef.sync_client())
    monkeypatch.setattr(retries, "TRIES", 1)
    return ksef


def test_an_operator_that_fails_ends_its_login(ksef: FakeKsef, tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_bytes(make_samples(NIP, 1, 0, 1, datetime.now(WARSAW).date())[0].xml)
    ksef.replies["POST /sessions/batch"] = [problem(400, 21405)]
    operator = KsefSubmitBatchOperator(task_id="submit", invoices=str(tmp_path))
    with pytest.raises(KsefApiError):
        operator.execute(context(NotedState()))
    assert ksef.counts["DELETE /auth/sessions/current"] == 1


def test_a_sensor_that_fails_ends_its_login(ksef: FakeKsef) -> None:
    ksef.replies[f"GET /sessions/{SESSION}"] = [httpx.Response(503)]
    sensor = KsefSessionSensor(task_id="wait", session_reference_number=SESSION)
    with pytest.raises(KsefUnavailableError):
        sensor.execute(context(NotedState()))
    assert ksef.counts["DELETE /auth/sessions/current"] == 1
