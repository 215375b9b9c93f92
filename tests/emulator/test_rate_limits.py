"""Rate limits as KSeF's production has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.emulator.rate_limits import RateLimits
from airflow_provider_ksef.emulator.store.database import Database
from airflow_provider_ksef.emulator.store.own_limits import OwnLimits
from tests.emulator.peer import APRIL, Peer, by_storage, error_code
from tests.emulator.raised_limits import CHANGEABLE, ten_times
from tests.emulator_process import EmulatorProcess

EXPORTS = "POST /invoices/exports"


@pytest.fixture
def limits(tmp_path: Path) -> RateLimits:
    own = OwnLimits(Database(tmp_path / "state.sqlite", durable=False))
    return RateLimits(own, is_enforced=True)


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


def waits(limits: RateLimits, moments: Iterable[float]) -> list[int]:
    """What those are told who ask at some moments and are refused."""
    return [refused.retry_after for moment in moments if (refused := limits.take(EXPORTS, "a", "ip", moment))]


def test_who_does_not_wait_waits_longer(limits: RateLimits) -> None:
    assert waits(limits, [0.2 * n for n in range(16)]) == []
    assert waits(limits, range(4, 13)) == [56, 56, 57, 60, 67, 82, 110, 109, 108]
    assert waits(limits, [119.9]) == [60]


def test_a_penalty_has_an_end(limits: RateLimits) -> None:
    assert waits(limits, [0.2 * n for n in range(16)]) == []
    told = waits(limits, range(4, 1000))
    assert max(told) <= 60 + 60
    assert set(told[60:]) == {60}
    assert waits(limits, [999 + 60]) == []


def test_refusals_that_are_not_read_yet_cost_nothing(limits: RateLimits) -> None:
    assert waits(limits, [0.01 * n for n in range(100)]) == [1] * 92
    assert waits(limits, [1 + 0.01 * n for n in range(8)]) == []


def test_many_at_once_who_obey_never_wait_long(emulators: Callable[..., EmulatorProcess]) -> None:
    """Sixteen tasks of a worker exceed the window of one second only."""
    peer = Peer(emulators("--rate-limits", "production"))
    peer.log_in()

    def ask(_: int) -> httpx.Response:
        return peer.http.get("/sessions", params={"sessionType": "Batch"})

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(16)))
    told = [int(each.headers["retry-after"]) for each in answers if each.status_code == 429]
    assert len(told) >= 6
    assert max(told) == 1
    peer.emulator.control("clock", advance=1)
    assert ask(0).status_code == 200


@pytest.mark.parametrize("threads", [1, 16])
def test_who_obeys_is_never_penalized(limits: RateLimits, threads: int) -> None:
    """Each waits as long as he was told, then asks again: nobody is told more than the windows ask for."""
    due = [0.0] * threads
    told: list[int] = []
    for _ in range(40 * threads):
        moment = min(due)
        refused = limits.take("GET /sessions/x", "a", "ip", moment)
        told += [refused.retry_after] if refused else []
        due[due.index(moment)] = moment + (refused.retry_after if refused else 0.001)
    assert told
    assert max(told) <= 60


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


def test_public_endpoints_share_a_counter_of_the_address(limits: RateLimits) -> None:
    for number in range(30):
        assert limits.take("POST /auth/challenge", f"Nip:{number}", "ip", 0) is None
        assert limits.take("GET /security/public-key-certificates", "", "ip", 0) is None
    assert limits.take("POST /testdata/person", "", "ip", 0) is not None
    assert limits.take("POST /auth/challenge", "", "other ip", 0) is None


def test_every_other_endpoint_has_a_counter_of_its_own(limits: RateLimits) -> None:
    for _ in range(10):
        assert limits.take("GET /limits/context", "a", "ip", 0) is None
    assert limits.take("GET /limits/context", "a", "ip", 0) is not None
    assert limits.take("GET /limits/subject", "a", "ip", 0) is None


def test_a_context_may_be_given_limits_of_its_own(peer: Peer) -> None:
    answer = peer.http.post("/testdata/rate-limits", json=ten_times(invoiceMetadata=(2, 16, 20)))
    assert (answer.status_code, answer.content) == (200, b"")
    answer = peer.http.get("/rate-limits")
    assert answer.headers["x-emulator-rate-limits-enforced"] == "true"
    told = answer.json()
    assert len(told) == 17
    assert told["invoiceMetadata"] == {"perSecond": 2, "perMinute": 16, "perHour": 20}
    assert told["other"] == {"perSecond": 100, "perMinute": 300, "perHour": 1200}
    assert told["onlineSession"] == told["onlineSessionClose"]
    assert told["anonymous"] == {"perSecond": 60, "perMinute": -1, "perHour": -1}
    codes = [peer.query(by_storage(end=APRIL)).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    restored = peer.http.delete("/testdata/rate-limits")
    assert (restored.status_code, restored.content) == (200, b"")
    answer = peer.http.get("/rate-limits")
    assert answer.json()["invoiceMetadata"]["perSecond"] == 8
    assert answer.headers["x-emulator-rate-limits-enforced"] == "false"
    assert {peer.query(by_storage(end=APRIL)).status_code for _ in range(20)} == {200}


def test_production_limits_are_enforced_where_they_are_asked_for(peer: Peer) -> None:
    answer = peer.http.post("/testdata/rate-limits/production")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [peer.query(by_storage(end=APRIL)).status_code for _ in range(9)] == [200] * 8 + [429]
    peer.emulator.control("reset")
    peer.log_in()
    assert {peer.query(by_storage(end=APRIL)).status_code for _ in range(9)} == {200}


def test_another_context_keeps_its_limits(emulators: Callable[..., EmulatorProcess]) -> None:
    other = "7980332920"
    emulator = emulators("--nip", other, "--token", "secret")
    slow, free = Peer(emulator), Peer(emulator)
    slow.log_in()
    free.log_in("secret", other)
    slow.http.post("/testdata/rate-limits", json=ten_times(invoiceMetadata=(1, 1, 1)))
    assert [slow.query(by_storage(end=APRIL)).status_code for _ in range(2)] == [200, 429]
    assert [free.query(by_storage(end=APRIL)).status_code for _ in range(2)] == [200, 200]
    assert free.http.get("/rate-limits").json()["invoiceMetadata"]["perHour"] == 20


def test_limits_that_are_too_high_are_refused_together(peer: Peer) -> None:
    wrong = ten_times(onlineSession=(0, 300, 11111111), other=(101, 300, 1200))
    del wrong["rateLimits"]["sessionMisc"]
    answer = peer.http.post("/testdata/rate-limits", json=wrong)
    assert error_code(answer) == 21405
    assert answer.json()["exception"]["exceptionDetailList"][0]["details"] == [
        "'rateLimits.onlineSession.perSecond' must be between 1 and 100. You entered 0.",
        "'rateLimits.onlineSession.perHour' must be between 1 and 1200. You entered 11111111.",
        "'rateLimits.sessionMisc' must not be empty.",
        "'rateLimits.other.perSecond' must be between 1 and 100. You entered 101.",
    ]


def test_a_client_of_twelve_groups_is_told_all_that_is_wrong_at_once(peer: Peer) -> None:
    """As the official Java client asks, which knows no collective identifiers: all others are null."""
    given = dict.fromkeys(group for group in CHANGEABLE if group != "collectiveIdentifier")
    limits = {**given, "onlineSession": {"perSecond": 1, "perMinute": 1, "perHour": 11111111}}
    peer.http.headers["X-Error-Format"] = "problem-details"
    answer = peer.http.post("/testdata/rate-limits", json={"rateLimits": limits})
    (entry,) = answer.json()["errors"]
    assert entry["code"] == 21405
    assert len(entry["details"]) == 11
    sentence = "'rateLimits.onlineSession.perHour' must be between 1 and 1200. You entered 11111111."
    assert entry["details"][0] == sentence


@pytest.mark.parametrize("group", ["collectiveIdentifier", "invoiceExportStatus"])
def test_a_group_that_earlier_clients_do_not_know_keeps_its_limit(peer: Peer, group: str) -> None:
    for given in (None, (3, 3, 3)):
        before = ten_times(**{group: given} if given else {})
        peer.http.post("/testdata/rate-limits", json=before)
        known = ten_times()
        del known["rateLimits"][group]
        assert peer.http.post("/testdata/rate-limits", json=known).status_code == 200
        told = peer.http.get("/rate-limits").json()[group]
        assert told == before["rateLimits"][group]


def test_rate_limits_may_be_switched_on_while_it_runs(peer: Peer) -> None:
    peer.emulator.control("settings", rateLimits="production")
    assert [peer.query(by_storage(end=APRIL)).status_code for _ in range(9)] == [200] * 8 + [429]
    peer.emulator.control("settings", rateLimits="off")
    assert peer.query(by_storage(end=APRIL)).status_code == 200
