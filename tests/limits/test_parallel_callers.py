"""Eight processes of one company share KSeF's limits: no call is refused, and hardly one is left unused."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.limits import PRODUCTION_RATE_LIMITS
from tests.emulator_process import EmulatorProcess, start_emulator
from tests.limits.caller import settings_of
from tests.limits.callers import Callers

CALLERS = 8
AN_HOUR = 6
"""Calls of the window of a second, which stands for an hour."""
WINDOWS = 11
Start = Callable[..., Callers]


@pytest.fixture(scope="module")
def ksef() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--rate-limits", "production")
    yield emulator
    emulator.stop()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.crash)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the callers keep their turns."""
    return (
        str(tmp_path / "turns.sqlite") if request.param == "sqlite" else request.getfixturevalue("redis_url")
    )


@pytest.fixture
def start(ksef: EmulatorProcess, place: str) -> Iterator[Start]:
    """Start eight callers, of both kinds; they are stopped after the test."""
    ksef.control("reset")
    started: list[Callers] = []

    def begin(call: str) -> Callers:
        orders = [
            {"url": ksef.url, "store": place, "call": call, "is_async": bool(number % 2)}
            for number in range(CALLERS)
        ]
        started.append(Callers.start(orders))
        return started[-1]

    yield begin
    for callers in started:
        callers.kill()


def rejected(ksef: EmulatorProcess) -> int:
    stats: dict[str, Any] = httpx.get(f"{ksef.origin}/_emulator/stats").json()
    return int(stats["rejected429"])


def scale_down(ksef: EmulatorProcess) -> None:
    """Let a second of the exports' status stand for an hour."""
    windows = ("perSecond", "perMinute", "perHour")
    limits = {
        group: dict(zip(windows, (limit.per_second, limit.per_minute, limit.per_hour), strict=True))
        for group, limit in PRODUCTION_RATE_LIMITS.by_group().items()
        if group != "anonymous" and not group.endswith("Close")
    }
    limits["invoiceExportStatus"] = {"perSecond": AN_HOUR, "perMinute": 600, "perHour": 6000}
    with KsefClient(settings_of(ksef.url)) as client:
        body = {"rateLimits": limits}
        client.run(Call("POST", "/testdata/rate-limits", lambda _: None, body=body))


def share_used(moments: list[float]) -> float:
    """Tell how much of the budget was used: the windows that the calls fill, by the time that they took."""
    moments = sorted(moments)
    windows = len(moments) // AN_HOUR - 1
    seconds = [
        moments[place + AN_HOUR * windows] - moments[place] for place in range(len(moments) % AN_HOUR or 1)
    ]
    return windows / (sum(seconds) / len(seconds))


def test_ten_windows_are_used_up_and_none_is_exceeded(ksef: EmulatorProcess, start: Start) -> None:
    scale_down(ksef)
    callers = start("export")
    callers.go(WINDOWS)
    told = callers.told()
    moments = [moment for each in told for moment in each["moments"]]
    assert rejected(ksef) == 0
    assert max(moments) - min(moments) >= 10
    assert share_used(moments) >= 0.95
    assert all(each["moments"] for each in told)
    assert max(each["lag"] for each in told if "lag" in each) < 0.5
    assert ksef.requests()["GET /rate-limits"] == 1


def lose(place: str, journal: str) -> None:
    """Break the file of turns or its journal where they lie; a Redis forgets all."""
    if place.startswith("redis://"):
        redis.Redis.from_url(place).flushall()
    else:
        Path(place + journal).write_bytes(b"not a database" * 1000)


def test_a_store_that_breaks_while_all_use_it_has_no_call_refused(
    ksef: EmulatorProcess, start: Start, place: str
) -> None:
    scale_down(ksef)
    callers = start("export")
    callers.go(WINDOWS / 2)
    for journal in ("", "-wal"):
        time.sleep(WINDOWS / 6)
        lose(place, journal)
    lost = time.time()
    told = callers.told()
    assert rejected(ksef) == 0
    assert len(told) == CALLERS
    assert len([moment for each in told for moment in each["moments"] if moment > lost]) >= AN_HOUR


@pytest.mark.crash
def test_killed_processes_take_no_budget_along(ksef: EmulatorProcess, start: Start) -> None:
    scale_down(ksef)
    callers = start("export")
    callers.go(2 * WINDOWS)
    time.sleep(WINDOWS)
    for process in callers.processes[:4]:
        process.send_signal(signal.SIGKILL)
    told = callers.told()
    late = [moment for each in told for moment in each["moments"]]
    late = [moment for moment in late if moment > max(late) - 4]
    assert len(told) == 4
    assert rejected(ksef) == 0
    assert share_used(late) >= 0.9


def test_a_minute_of_productions_limits_is_used_up(ksef: EmulatorProcess, start: Start) -> None:
    callers = start("metadata")
    callers.go(3)
    time.sleep(5)
    assert rejected(ksef) == 0
    assert ksef.requests()["POST /invoices/query/metadata"] == 16


@pytest.mark.crash
def test_an_hour_of_productions_limits_is_used_up_and_its_end_is_told(
    ksef: EmulatorProcess, start: Start
) -> None:
    callers = start("metadata")
    callers.go(90)
    told = callers.told()
    assert rejected(ksef) == 0
    assert ksef.requests()["POST /invoices/query/metadata"] == 20
    assert all(3400 < each["budget"] < 3600 for each in told)
