"""A login over a long time and many hands: renewed in time, shared, and ended whatever happened."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from airflow_provider_ksef.client import auth, exports, login, transport
from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.crypto import SessionKey, encrypt_stream, sha256_base64
from tests.unit.client.fake_ksef import FakeKsef, problem

ECHO: Call[dict[str, str]] = Call("GET", "/echo", json_parser(dict[str, str], dict), is_safe=True)
KEY = SessionKey(b"k" * 32, b"i" * 16)
PLAIN = b"an archive"
EXPORT = "20260901-EH-1A2B3CA000-0F1E2D3C51-AD"
HANDS = 8


@dataclass
class Clock:
    """Time that goes on when a test says so, for the client and for KSeF."""

    ksef: FakeKsef
    now: float = 1000.0

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        self.ksef.clock_skew += seconds


@pytest.fixture
def clock(ksef: FakeKsef, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(ksef)
    for module in (auth, login, transport):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def finished_export(part: int) -> httpx.Response:
    encrypted = encrypted_part()
    described = {
        "ordinalNumber": 1,
        "url": f"https://api-test.ksef.mf.gov.pl/storage/{part}?sig=secret",
        "partSize": len(PLAIN),
        "partHash": sha256_base64(PLAIN),
        "encryptedPartSize": len(encrypted),
        "encryptedPartHash": sha256_base64(encrypted),
    }
    package = {"invoiceCount": 1, "size": len(PLAIN), "parts": [described], "isTruncated": False}
    return httpx.Response(200, json={"status": {"code": 200}, "package": package})


def encrypted_part() -> bytes:
    target = io.BytesIO()
    encrypt_stream(io.BytesIO(PLAIN), target, KEY)
    return target.getvalue()


@pytest.mark.parametrize(("seconds", "refreshes"), [(600.0, 1), (850.0, 2), (4000.0, 2)])
def test_a_token_is_renewed_between_the_parts_of_a_long_download(
    ksef: FakeKsef, clock: Clock, tmp_path: Path, seconds: float, refreshes: int
) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.go_on(seconds)
        return httpx.Response(200, content=encrypted_part())

    path = f"GET /invoices/exports/{EXPORT}"
    ksef.replies[path] = [finished_export(part) for part in (1, 2, 3)]
    ksef.replies.update({f"GET /storage/{part}": [slow] for part in (1, 2)})
    with ksef.sync_client() as client:
        for part in (1, 2):
            package = client.run(exports.get_status(EXPORT)).package
            assert package is not None
            client.download_package(package, KEY, tmp_path / str(part))
        client.run(exports.get_status(EXPORT))
    assert ksef.counts["POST /auth/token/refresh"] == refreshes
    assert (ksef.counts[path], ksef.counts["POST /auth/challenge"]) == (3, 1)
    sent = [request for request in ksef.requests if request.url.path.startswith("/storage/")]
    assert len(sent) == 2
    assert not [request for request in sent if "Authorization" in request.headers]


def test_a_login_that_has_run_out_is_made_anew(ksef: FakeKsef, clock: Clock) -> None:
    with ksef.sync_client() as client:
        client.run(ECHO)
        clock.go_on(8 * 86400)
        client.run(ECHO)
    assert (ksef.counts["POST /auth/challenge"], ksef.counts["POST /auth/token/refresh"]) == (2, 0)


def by_threads(ksef: FakeKsef) -> list[str]:
    barrier = threading.Barrier(HANDS)
    bearers: list[str] = []
    with ksef.sync_client() as client:
        client.log_in()

        def work() -> None:
            barrier.wait(20)
            bearers.append(client.run(ECHO)["bearer"])

        threads = [threading.Thread(target=work) for _ in range(HANDS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    return bearers


def by_tasks(ksef: FakeKsef) -> list[str]:
    async def main() -> list[str]:
        async with ksef.async_client() as client:
            await client.log_in()
            return [
                echo["bearer"] for echo in await asyncio.gather(*(client.run(ECHO) for _ in range(HANDS)))
            ]

    return asyncio.run(main())


@pytest.mark.parametrize("work", [by_threads, by_tasks])
def test_many_refused_calls_lead_to_one_refresh(
    ksef: FakeKsef, work: Callable[[FakeKsef], list[str]]
) -> None:
    ksef.revoked = {"access-secret-1"}
    assert work(ksef) == ["access-secret-2"] * HANDS
    assert (ksef.counts["POST /auth/token/refresh"], ksef.counts["POST /auth/challenge"]) == (1, 1)


@pytest.mark.parametrize("work", [by_threads, by_tasks])
def test_a_revoked_session_leads_to_one_new_login_for_all(
    ksef: FakeKsef, work: Callable[[FakeKsef], list[str]]
) -> None:
    ksef.revoked = {"access-secret-1"}
    ksef.replies["POST /auth/token/refresh"] = [problem(400, 21301)]
    assert work(ksef) == ["access-secret-2"] * HANDS
    assert (ksef.counts["POST /auth/token/refresh"], ksef.counts["POST /auth/challenge"]) == (1, 2)


def test_a_login_ends_when_the_work_fails(ksef: FakeKsef) -> None:
    def work() -> None:
        with ksef.sync_client() as client:
            client.run(ECHO)
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert ksef.counts["DELETE /auth/sessions/current"] == 1


def test_a_login_ends_when_a_task_is_cancelled(ksef: FakeKsef) -> None:
    async def work(started: asyncio.Event) -> None:
        async with ksef.async_client() as client:
            await client.run(ECHO)
            started.set()
            await asyncio.sleep(60)

    async def main() -> None:
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ksef.counts["DELETE /auth/sessions/current"] == 1
