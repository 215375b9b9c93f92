"""Watching for new invoices: each is told, once as long as nobody is killed, with few calls."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.triggers import new_invoices, watched_positions
from airflow_provider_ksef.triggers.new_invoices import KsefNewInvoicesTrigger
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import connect
from tests.system.conftest import seed
from tests.system.watching import STORING_SECONDS, NotedAssetState, Triggerer

QUERY = "POST /invoices/query/metadata"
SINCE = (datetime.now(UTC) - timedelta(days=200)).isoformat()


@pytest.fixture(autouse=True)
def _quick_storing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_invoices, "PERSISTING_SECONDS", 2 * STORING_SECONDS)


async def arrivals(emulator: EmulatorProcess, dice: random.Random, seconds: float) -> None:
    """Let invoices come in small lots until some seconds have passed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.to_thread(seed, emulator, dice.randint(1, 4))
        await asyncio.sleep(dice.uniform(0.05, 0.4))


def windows(triggerer: Triggerer) -> list[tuple[str, str]]:
    told = [event["subject_types"]["Subject2"] for event in triggerer.stored]
    return [(each["from"], each["to"]) for each in told]


def test_each_invoice_is_told_once_and_windows_join(connected: EmulatorProcess) -> None:
    now = datetime.now(UTC)
    seed(connected, 8, now - timedelta(days=190), now - timedelta(days=1))
    triggerer = Triggerer()

    async def scene() -> None:
        watching = asyncio.create_task(triggerer.run(6, since=SINCE))
        await arrivals(connected, random.Random(1), 2.5)
        await watching

    asyncio.run(scene())
    assert sorted(triggerer.numbers()) == sorted(connected.ksef_numbers())
    told = windows(triggerer)
    assert all(start < end for start, end in told)
    assert all(before[1] <= after[0] for before, after in pairwise(told))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("throw", range(1, 13))
def test_a_killed_triggerer_loses_none_and_doubles_none_but_its_last_event(
    connected: EmulatorProcess, throw: int
) -> None:
    dice, triggerer = random.Random(throw), Triggerer()

    async def scene() -> None:
        coming = asyncio.create_task(arrivals(connected, dice, 3.5))
        while not coming.done():
            await triggerer.run(dice.uniform(0.05, 2.5), since=SINCE)
        await triggerer.run(3, since=SINCE)

    asyncio.run(scene())
    counted = Counter(triggerer.numbers())
    assert sorted(counted) == sorted(connected.ksef_numbers())
    told = [event["subject_types"]["Subject2"] for event in triggerer.stored]
    starts = Counter(each["from"] for each in told)
    fired_again = [number for each in told if starts[each["from"]] > 1 for number in each["ksef_numbers"]]
    assert {number for number, times in counted.items() if times > 1} <= set(fired_again)


class AwayState(NotedAssetState):
    """A state store whose API is away for some of its calls."""

    def __init__(self, method: str, calls: set[int]) -> None:
        super().__init__()
        self.method, self.calls, self.count = method, calls, 0

    def _answer(self, method: str) -> None:
        self.count += method == self.method
        if method == self.method and self.count in self.calls:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))

    async def aget(self, key: str, default: Any = None) -> Any:
        self._answer("aget")
        return await super().aget(key, default)

    async def aset(self, key: str, value: Any) -> None:
        self._answer("aset")
        await super().aset(key, value)


@pytest.mark.parametrize(("method", "calls"), [("aget", {1}), ("aset", {1}), ("aset", {2, 3})])
def test_a_state_store_that_is_away_doubles_nothing(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, method: str, calls: set[int]
) -> None:
    monkeypatch.setattr(watched_positions, "KEEPING_SECONDS", 0.1)
    seed(connected, 3)
    triggerer = Triggerer(AwayState(method, calls))
    asyncio.run(triggerer.run(5, since=SINCE, poll_interval=0.5))
    asyncio.run(triggerer.run(2, since=SINCE, poll_interval=0.5))
    assert sorted(triggerer.numbers()) == sorted(connected.ksef_numbers())


def test_restarts_cost_no_calls(connected: EmulatorProcess) -> None:
    triggerer = Triggerer()

    async def scene() -> None:
        for _ in range(5):
            await triggerer.run(1.2, poll_interval=900.0, subject_types=["Subject1", "Subject2"], since=SINCE)

    asyncio.run(scene())
    assert connected.requests()[QUERY] == 2


def test_without_since_it_begins_now(connected: EmulatorProcess) -> None:
    seed(connected, 3)
    triggerer = Triggerer()

    async def scene() -> None:
        await asyncio.sleep(0.5)
        watching = asyncio.create_task(triggerer.run(4))
        await asyncio.sleep(1)
        await asyncio.to_thread(seed, connected, 2)
        await watching

    asyncio.run(scene())
    assert sum(event["subject_types"]["Subject2"]["invoices"] for event in triggerer.stored) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "^/v2/invoices/query/metadata", "status": 429, "headers": {"Retry-After": "1"}, "times": 1},
        {"path": "^/v2/invoices/query/metadata", "status": 200, "body": "<html>", "times": 5},
        {"path": "^/v2/auth/challenge", "status": 503, "times": 5},
        {"path": "^/v2/auth/ksef-token", "drop": "before", "times": 5},
    ],
)
def test_what_passes_by_itself_is_waited_out(connected: EmulatorProcess, fault: dict[str, Any]) -> None:
    seed(connected, 3)
    connected.control("faults", **fault)
    triggerer = Triggerer()
    asyncio.run(triggerer.run(6, since=SINCE))
    assert sorted(triggerer.numbers()) == sorted(connected.ksef_numbers())


def test_a_look_is_one_query_though_it_fails(connected: EmulatorProcess) -> None:
    connected.control("faults", path=f"^/v2{QUERY[5:]}", status=503, body="<html>", times=9)
    asyncio.run(Triggerer().run(4, since=SINCE, poll_interval=600))
    assert connected.requests()[QUERY] == 1


def test_a_connection_that_is_mended_is_read_anew(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connected, 3)
    connect(monkeypatch, connected, password="wrong-token-123456")
    triggerer = Triggerer()

    async def scene() -> None:
        watching = asyncio.create_task(triggerer.run(6, since=SINCE))
        await asyncio.sleep(1.5)
        assert not triggerer.stored
        connect(monkeypatch, connected)
        await watching

    asyncio.run(scene())
    assert len(triggerer.numbers()) == 3


def test_another_environment_begins_anew(connected: EmulatorProcess) -> None:
    seed(connected, 3)
    triggerer = Triggerer()
    asyncio.run(triggerer.run(2, since=SINCE))
    (key,) = triggerer.state.noted
    assert key == "ksef_new_invoices/test:127.0.0.1/nip-5250001210"
    assert connected.url not in str(triggerer.state.noted)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"subject_types": "Subject2"}, "subject_types"),
        ({"subject_types": []}, "subject_types"),
        ({"subject_types": ["Subject4"]}, "subject_types"),
        ({"since": "2026-02-01"}, "since"),
        ({"since": "2126-02-01T00:00:00Z"}, "since"),
        ({"poll_interval": 0}, "poll_interval"),
    ],
)
def test_wrong_parameters_are_refused_when_the_dag_is_parsed(given: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError) as caught:
        KsefNewInvoicesTrigger(**given)
    assert caught.value.field == field
