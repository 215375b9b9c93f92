from __future__ import annotations

import logging
import time
from collections.abc import Callable

import httpx
import pytest

from airflow_provider_ksef.client.answers import nothing
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefRateLimitError,
    KsefTransportError,
    KsefUnavailableError,
)
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import FakeKsef, Reply, problem

SAFE = Call("GET", "/thing", nothing, is_safe=True)
UNSAFE = Call("GET", "/thing", nothing)
OK = httpx.Response(200, json={})
PAGE = httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"})


def limited(seconds: int | None) -> httpx.Response:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return httpx.Response(429, json={"title": "Too Many Requests", "status": 429}, headers=headers)


@pytest.mark.parametrize(
    ("reply", "error", "safe_tries", "unsafe_tries"),
    [
        (httpx.ConnectError("refused"), KsefTransportError, 4, 4),
        (httpx.ConnectTimeout("slow"), KsefTransportError, 4, 4),
        (httpx.ReadTimeout("slow"), KsefTransportError, 4, 1),
        (httpx.RemoteProtocolError("cut"), KsefTransportError, 4, 1),
        (httpx.WriteError("cut"), KsefTransportError, 4, 1),
        (httpx.Response(500), KsefUnavailableError, 4, 1),
        (httpx.Response(502), KsefUnavailableError, 4, 1),
        (httpx.Response(503), KsefUnavailableError, 4, 1),
        (httpx.Response(504), KsefUnavailableError, 4, 1),
        (httpx.Response(503, headers={"Retry-After": "0"}), KsefUnavailableError, 4, 1),
        (httpx.Response(503, headers={"Retry-After": "61"}), KsefUnavailableError, 1, 1),
        (PAGE, KsefUnavailableError, 4, 1),
        (limited(0), KsefRateLimitError, 4, 4),
        (limited(None), KsefRateLimitError, 4, 4),
        (limited(61), KsefRateLimitError, 1, 1),
        (problem(400, 21405), KsefApiError, 1, 1),
        (problem(403), KsefApiError, 1, 1),
        (problem(410), KsefApiError, 1, 1),
    ],
)
def test_what_is_repeated_and_how_often(
    run_all: RunAll, reply: Reply, error: type[Exception], safe_tries: int, unsafe_tries: int
) -> None:
    for call, tries in ((SAFE, safe_tries), (UNSAFE, unsafe_tries)):
        ksef = FakeKsef(replies={"GET /thing": [reply]})
        with pytest.raises(error) as raised:
            run_all(ksef, call)
        assert type(raised.value) is error
        assert ksef.counts["GET /thing"] == tries


def test_one_good_answer_is_enough(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /thing"] = [httpx.Response(502), httpx.ReadTimeout("slow"), limited(0), OK]
    run_all(ksef, SAFE)
    assert ksef.counts["GET /thing"] == 4


def test_a_short_wait_is_obeyed_and_told(
    ksef: FakeKsef, run_all: RunAll, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ksef.replies["GET /thing"] = [limited(1), OK]
    started = time.monotonic()
    run_all(ksef, UNSAFE)
    assert time.monotonic() - started >= 1
    assert "GET /thing: try 2 of 4 in 1.0 s. KSeF answered" in caplog.text


def test_a_gateway_that_asks_to_wait_is_obeyed(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /thing"] = [httpx.Response(503, headers={"Retry-After": "1"}), OK]
    started = time.monotonic()
    run_all(ksef, SAFE)
    assert time.monotonic() - started >= 1


def test_a_long_wait_is_for_the_caller_to_plan(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["GET /thing"] = [limited(1800)]
    with pytest.raises(KsefRateLimitError) as raised:
        run_all(ksef, SAFE)
    assert raised.value.fault.retry_after == 1800


@pytest.mark.parametrize(
    ("make", "sent"), [(httpx.ConnectError, False), (httpx.PoolTimeout, False), (httpx.ReadTimeout, True)]
)
def test_it_is_told_whether_the_request_was_sent(
    ksef: FakeKsef, run_all: RunAll, make: Callable[[str], Exception], sent: bool
) -> None:
    ksef.replies["GET /thing"] = [make("why")]
    with pytest.raises(KsefTransportError, match=r"No answer to GET /thing .*: why") as raised:
        run_all(ksef, UNSAFE)
    assert raised.value.sent is sent
    assert ("carried out" in raised.value.remedy) is sent
