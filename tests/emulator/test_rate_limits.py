"""Rate limits as KSeF's production has them."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from airflow_provider_ksef.emulator.rate_limits import RateLimits
from tests.emulator.peer import APRIL, Peer, by_storage
from tests.emulator_process import EmulatorProcess

EXPORTS = "POST /invoices/exports"


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits(is_enforced=True)


def test_each_window_slides(limits: RateLimits) -> None:
    assert [limits.take(EXPORTS, "a", "ip", 0.1 * n) for n in range(8)] == [None] * 8
    refused = limits.take(EXPORTS, "a", "ip", 0.8)
    assert refused is not None
    assert (refused.limit, refused.unit, refused.retry_after) == (8, "sekundę", 1)
    assert [limits.take(EXPORTS, "a", "ip", 2 + 0.1 * n) for n in range(8)] == [None] * 8
    refused = limits.take(EXPORTS, "a", "ip", 10)
    assert refused is not None
    assert (refused.limit, refused.unit, refused.retry_after) == (16, "minutę", 50)
    assert [limits.take(EXPORTS, "a", "ip", 70 + n) for n in range(4)] == [None] * 4
    refused = limits.take(EXPORTS, "a", "ip", 200)
    assert refused is not None
    assert (refused.limit, refused.unit, refused.retry_after) == (20, "godzinę", 3400)
    assert limits.take(EXPORTS, "a", "ip", 3600) is None


def test_who_does_not_wait_waits_longer(limits: RateLimits) -> None:
    for _ in range(8):
        limits.take(EXPORTS, "a", "ip", 0)
    waits = [refused.retry_after for n in range(5) if (refused := limits.take(EXPORTS, "a", "ip", 0.5))]
    assert waits == sorted(set(waits))
    assert limits.take(EXPORTS, "a", "ip", 0.5 + waits[-1] + 1) is None


def test_callers_and_groups_are_counted_apart(limits: RateLimits) -> None:
    for _ in range(8):
        limits.take(EXPORTS, "a", "ip", 0)
    assert limits.take(EXPORTS, "a", "ip", 0) is not None
    assert limits.take(EXPORTS, "b", "ip", 0) is None
    assert limits.take(EXPORTS, "a", "other ip", 0) is None
    assert limits.take("POST /invoices/query/metadata", "a", "ip", 0) is None


def test_failed_and_all_invoices_of_a_session_share_a_counter(limits: RateLimits) -> None:
    for _ in range(10):
        assert limits.take("GET /sessions/{referenceNumber}/invoices", "a", "ip", 0) is None
    assert limits.take("GET /sessions/{referenceNumber}/invoices/failed", "a", "ip", 0) is not None


def test_a_refusal_tells_how_long_to_wait(emulators: Callable[..., EmulatorProcess]) -> None:
    peer = Peer(emulators("--rate-limits", "production"))
    peer.log_in()
    answers = [peer.query(by_storage(end=APRIL)) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]
    refused = answers[-1]
    assert refused.headers["retry-after"] == "1"
    sentence = "Przekroczono limit 8 żądań na sekundę. Spróbuj ponownie po 1 sekundach."
    assert refused.json() == {
        "status": {"code": 429, "description": "Too Many Requests", "details": [sentence]}
    }
    peer.http.headers["X-Error-Format"] = "problem-details"
    problem = peer.query(by_storage(end=APRIL))
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["title"] == "Too Many Requests"
    stats = httpx.get(f"{peer.emulator.origin}/_emulator/stats").json()
    assert stats["rejected429"] == 2
    peer.emulator.control("clock", advance=int(problem.headers["retry-after"]))
    assert peer.query(by_storage(end=APRIL)).status_code == 200
    peer.emulator.control("reset")
    peer.log_in()
    assert peer.query(by_storage(end=APRIL)).status_code == 200


def test_without_the_option_nothing_is_refused(peer: Peer) -> None:
    assert {peer.query(by_storage(end=APRIL)).status_code for _ in range(25)} == {200}
