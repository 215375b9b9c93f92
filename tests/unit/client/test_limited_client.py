"""Every request takes its turn: logins, repetitions and all; pre-signed links do not."""

from __future__ import annotations

import asyncio
import logging
import time
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.client.async_client import AT_A_TIME
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.limits import RateLimit, RateLimits
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.client.transport import as_request
from airflow_provider_ksef.client.turns import Wait
from airflow_provider_ksef.client.usage import Usage
from airflow_provider_ksef.client.wire import Wire
from airflow_provider_ksef.exceptions import KsefBudgetError, KsefRateLimitError
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import LOGIN, FakeKsef, problem

STATUS = f"GET /invoices/exports/{LOGIN}"


@pytest.fixture
def limited(ksef: FakeKsef, tmp_path: Path) -> RateLimiter:
    """The limiter of the client, in the mind of another process; what KSeF allows is known."""
    ksef.limiter = RateLimiter(SqliteTurnStore(tmp_path / "turns.sqlite"), ksef.settings)
    ksef.replies["GET /rate-limits"] = [httpx.Response(200, json={})]
    other = RateLimiter(SqliteTurnStore(tmp_path / "turns.sqlite"), ksef.settings)
    other.learn(RateLimits(anonymous=RateLimit(60, None, None)))
    return other


def echo() -> Call[int]:
    return Call("GET", f"/invoices/exports/{LOGIN}", lambda answer: answer.status, is_safe=True)


def test_login_calls_and_repetitions_take_turns(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter
) -> None:
    limited.learn(
        RateLimits(anonymous=RateLimit(None, None, 100), invoice_export_status=RateLimit(None, None, 100))
    )
    ksef.replies[STATUS] = [problem(500), problem(500), httpx.Response(200, json={})]
    assert run_all(ksef, echo()) == [200]
    assert limited.left("invoiceExportStatus") == {"hour": 97}
    anonymous = sum(
        count for request, count in ksef.counts.items() if "/auth/" in request or "/security/" in request
    )
    left = limited.left("anonymous")
    assert left is not None
    assert left["hour"] == 100 - anonymous + ksef.counts["DELETE /auth/sessions/current"]


def test_a_request_that_gets_no_answer_has_taken_its_turn(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter
) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, None, 100)))
    ksef.replies[STATUS] = [httpx.ReadTimeout("cut"), httpx.Response(200, json={})]
    assert run_all(ksef, echo()) == [200]
    assert limited.left("invoiceExportStatus") == {"hour": 98}


def test_a_short_wait_is_sat_out_and_counted(ksef: FakeKsef, limited: RateLimiter) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(1, None, None)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    with ksef.sync_client() as client:
        started = time.monotonic()
        for _ in range(3):
            client.run(echo())
        assert time.monotonic() - started >= 2
        assert 1.5 < client.usage.seconds_waited < 3


def test_a_long_wait_is_told_before_anything_is_sent(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter
) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, None, 1)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    run_all(ksef, echo())
    with pytest.raises(KsefBudgetError, match=r"1 of 1 calls of the last hour are used") as raised:
        run_all(ksef, echo())
    assert ksef.counts[STATUS] == 1
    assert raised.value.group == "invoiceExportStatus"
    assert 3500 < raised.value.retry_after <= 3600
    assert abs(raised.value.until - time.time() - raised.value.retry_after) < 5


def test_a_rejected_call_stops_the_other_processes(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter
) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, None, 100)))
    ksef.replies[STATUS] = [problem(429)]
    ksef.replies[STATUS][0].headers["Retry-After"] = "1200"
    with pytest.raises(KsefRateLimitError):
        run_all(ksef, echo())
    with pytest.raises(KsefBudgetError, match="KSeF has asked to wait"):
        run_all(ksef, echo())
    assert ksef.counts[STATUS] == 1


def test_ksef_is_asked_for_its_limits_once(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter, tmp_path: Path
) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    ksef.replies["GET /rate-limits"] = [
        httpx.Response(200, json={"invoiceExportStatus": {"perSecond": -1, "perMinute": -1, "perHour": 7}})
    ]
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    run_all(ksef, echo(), echo())
    run_all(ksef, echo())
    assert ksef.counts["GET /rate-limits"] == 1
    assert limited.left("invoiceExportStatus") == {"hour": 4}


def test_limits_that_cannot_be_read_are_productions(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for file in tmp_path.iterdir():
        file.unlink()
    ksef.replies["GET /rate-limits"] = [problem(400, 21405)]
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    with caplog.at_level(logging.WARNING):
        assert run_all(ksef, echo()) == [200]
    assert "those of production are taken" in caplog.text
    assert limited.left("invoiceExport") == {"second": 8, "minute": 16, "hour": 20}


def test_an_hours_budget_is_told_at_three_quarters_and_at_its_end(
    ksef: FakeKsef, limited: RateLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, None, 20)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    with ksef.sync_client() as client, caplog.at_level(logging.INFO):
        for _ in range(20):
            client.run(echo())
    told = [each for each in caplog.records if "of the last hour used" in each.getMessage()]
    assert [(each.levelname, each.getMessage()) for each in told] == [
        ("INFO", "invoiceExportStatus: 15 of 20 calls of the last hour used, 5 left."),
        ("WARNING", "invoiceExportStatus: 20 of 20 calls of the last hour used, 0 left."),
    ]


def test_a_logout_does_not_wait_long_for_its_turn(
    ksef: FakeKsef, run_all: RunAll, limited: RateLimiter
) -> None:
    limited.block("other", "DELETE /auth/sessions/current", 50)
    limited.learn(RateLimits())
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    started = time.monotonic()
    run_all(ksef, echo())
    assert time.monotonic() - started < 10
    assert ksef.counts["DELETE /auth/sessions/current"] == 0


def test_a_wait_in_the_event_loop_blocks_nobody(ksef: FakeKsef, limited: RateLimiter) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(1, None, None)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]

    async def main() -> int:
        async with ksef.async_client() as client:
            await client.run(echo())
            waiting, beats = asyncio.ensure_future(client.run(echo())), 0
            while not waiting.done():
                await asyncio.sleep(0.02)
                beats += 1
            return beats

    assert asyncio.run(main()) > 10


def test_all_who_leave_are_told_moments_of_their_own(ksef: FakeKsef, limited: RateLimiter) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, None, 1)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]

    def refused_of(*outcomes: object) -> list[float]:
        return [each.retry_after for each in outcomes if isinstance(each, KsefBudgetError)]

    async def main() -> list[object]:
        async with ksef.async_client() as client:
            await client.log_in()
            return await asyncio.gather(*(client.run(echo()) for _ in range(4)), return_exceptions=True)

    told = refused_of(*asyncio.run(main()))
    with ksef.sync_client() as client:
        for _ in range(2):
            with pytest.raises(KsefBudgetError) as raised:
                client.run(echo())
            told += refused_of(raised.value)
    hours = [round(each / 3600) for each in sorted(told)]
    assert hours == [1, 2, 3, 4, 4], "the last client asked twice"
    assert ksef.counts[STATUS] == 1


def test_calls_that_wait_for_their_turn_leave_room_for_others(ksef: FakeKsef, limited: RateLimiter) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, 1, None)))
    ksef.replies[STATUS] = ksef.replies["GET /limits/context"] = [httpx.Response(200, json={})]
    other = Call("GET", "/limits/context", lambda answer: answer.status, is_safe=True)

    async def main() -> int:
        async with ksef.async_client() as client:
            await client.run(echo())
            waiting = [asyncio.ensure_future(client.run(echo())) for _ in range(2 * AT_A_TIME)]
            await asyncio.sleep(0.2)
            status = await asyncio.wait_for(client.run(other), 5)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            limited.learn(RateLimits())
            await asyncio.gather(*(client.run(echo()) for _ in range(AT_A_TIME)))
            return status

    assert asyncio.run(main()) == 200
    assert ksef.counts[STATUS] == 1 + AT_A_TIME


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, 1),
        ("0", 1),
        ("-5", 1),
        ("soon", 1),
        ("²", 1),
        ("40", 40),
        ("1" * 400, 86_400),
        (1200, 1200),
        (-1200, 1),
        ("Sun Nov  6 08:49:37 2094", 86_400),
        ("Sun, 06 Nov 99999 08:49:37 GMT", 1),
    ],
)
def test_each_429_stops_the_other_processes(
    ksef: FakeKsef, limited: RateLimiter, asked: str | int | None, seconds: int
) -> None:
    if isinstance(asked, int):
        asked = formatdate(time.time() + asked, usegmt=True)
    headers = [] if asked is None else [(b"Retry-After", asked.encode("latin-1"))]
    refused = httpx.Response(429, headers=headers, request=as_request(echo(), ksef.settings))
    Wire(Usage(), ksef.limiter).after(refused)
    limited.learn(RateLimits())
    waiting = limited.take("invoiceExportStatus", "invoiceExportStatus")
    assert isinstance(waiting, Wait)
    assert waiting.seconds == pytest.approx(seconds, abs=30 if seconds == 1200 else 0.5)


def test_a_minutes_window_is_sat_out_however_fresh_it_is(ksef: FakeKsef, limited: RateLimiter) -> None:
    limited.learn(RateLimits(invoice_export_status=RateLimit(None, 1, None)))
    ksef.replies[STATUS] = [httpx.Response(200, json={})]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        limited.learn(RateLimits())

    with pytest.MonkeyPatch.context() as patch, ksef.sync_client() as client:
        client.log_in()
        patch.setattr("airflow_provider_ksef.client.wire.time.sleep", sleep)
        limited.take("invoiceExportStatus", "invoiceExportStatus")
        client.run(echo())
    assert waits == [pytest.approx(60, abs=0.5)]
    assert waits[0] > 59
