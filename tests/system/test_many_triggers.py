"""Many triggers on one event loop: it is never held up, and one login serves them all."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefLoginError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.hooks.shared_clients import shared_client
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.triggers import polling
from airflow_provider_ksef.triggers.session import KsefSessionTrigger
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context
from tests.unit.client.certificate_samples import PASSWORD, SEAL, certificate_of, key_of, key_pem, pem

MANY = 500
LONGEST_BLOCK = 0.1
TICK = 0.005
LOGIN = "POST /auth/xades-signature"
LOGOUT = "DELETE /auth/sessions/current"


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Keep what the tests have loaded out of garbage collections, which would stop the loop for longer."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def sealed(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """An emulator that ``ksef_default`` logs in to in the slowest way: by an encrypted key."""
    key = key_of("rsa-3072")
    extra = {
        "certificate": pem(certificate_of(key, SEAL)),
        "private_key": key_pem(key, PASSWORD),
        "private_key_password": PASSWORD,
    }
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(password="", extra=extra))
    return connected


def trigger(reference: str) -> KsefSessionTrigger:
    return KsefSessionTrigger(
        reference,
        ksef_conn_id="ksef_default",
        context_identifier=None,
        poll_interval=0.5,
        since=time.time(),
        deadline=time.time() + 120,
        resume={},
    )


async def code_of(reference: str) -> Any:
    event = await anext(aiter(trigger(reference).run()))
    return event.payload["code"] or event.payload["error"]


@dataclass
class Beats:
    """
    How long the event loop was held up between two beats of its heart, in seconds.

    :param computing: time that its thread computed.
    :param late: by how much its sleeps were too long.
    :param machine: by how much those of another thread were, where the machine itself has too much to do.
    """

    computing: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    machine: list[float] = field(default_factory=list)


@asynccontextmanager
async def watched(beats: Beats) -> AsyncIterator[None]:
    """Let the loop's heart beat, and that of a thread beside it."""
    is_over = threading.Event()

    async def beat() -> None:
        while not is_over.is_set():
            began, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK)
            beats.late.append(time.perf_counter() - began - TICK)
            beats.computing.append(time.thread_time() - computed)

    def beat_beside() -> None:
        while not is_over.is_set():
            began = time.perf_counter()
            time.sleep(TICK)
            beats.machine.append(time.perf_counter() - began - TICK)

    hearts = asyncio.gather(beat(), asyncio.to_thread(beat_beside))
    yield
    is_over.set()
    await hearts


@pytest.mark.usefixtures("uncollected")
def test_five_hundred_triggers_hold_the_loop_free(
    sealed: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SPREAD_SECONDS", 1.0)
    invoices = sample_invoices(tmp_path, count=2)
    submit = KsefSubmitBatchOperator(task_id="submit", invoices=str(invoices), wait_for_completion=False)
    reference = submit.execute(context())["session_reference_number"]
    pending = {"status": {"code": 150, "description": "Trwa przetwarzanie"}}
    pending |= {"dateCreated": "2026-09-01T00:00:00Z", "dateUpdated": "2026-09-01T00:00:00Z"}
    sealed.control("faults", method="GET", path="/v2/sessions/.*", times=MANY // 2, status=200, body=pending)
    before, beats = sealed.requests(), Beats()

    async def main() -> list[Any]:
        await KsefHook.aget_connection("ksef_default")  # loads of Airflow what a triggerer has at hand
        async with watched(beats):
            return await asyncio.gather(*(code_of(reference) for _ in range(MANY)))

    assert asyncio.run(main()) == [200] * MANY
    after = sealed.requests()
    assert after[LOGIN] - before[LOGIN] == after[LOGOUT] - before[LOGOUT] == 1
    assert after["GET /sessions/{referenceNumber}"] >= MANY * 3 // 2
    assert max(beats.computing) < LONGEST_BLOCK
    assert max(beats.late) < LONGEST_BLOCK + 2 * max(beats.machine)


def test_a_slow_setting_of_the_limiter_holds_no_loop_up(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__KSEF__RATE_LIMITER", "redis")
    monkeypatch.setenv("AIRFLOW__KSEF__REDIS_URL_CMD", "sh -c 'sleep 1; echo redis://127.0.0.1:1'")
    beats = Beats()

    async def main() -> None:
        await KsefHook.aget_connection("ksef_default")
        async with watched(beats):
            await (await KsefHook().get_async_conn()).close()

    asyncio.run(main())
    assert max(beats.machine) < 0.5 < sum(beats.machine) + TICK * len(beats.machine)
    assert max(beats.late) < 0.5


def test_a_refused_login_is_not_tried_once_for_each(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(password="wrong-token"))

    async def main() -> list[Any]:
        return await asyncio.gather(*(code_of("20260901-SB-1A2B3C7000-0F1E2D3C4E-78") for _ in range(50)))

    assert all("450" in told for told in asyncio.run(main()))
    assert connected.requests()["POST /auth/ksef-token"] == 1


def test_a_trigger_that_is_cancelled_leaves_no_login(connected: EmulatorProcess) -> None:
    status = {"status": {"code": 150, "description": "x"}}
    status |= {"dateCreated": "2026-09-01T00:00:00Z", "dateUpdated": "2026-09-01T00:00:00Z"}
    connected.control("faults", method="GET", path="/v2/sessions/.*", times=9999, status=200, body=status)

    async def main() -> None:
        tasks = [asyncio.create_task(code_of("20260901-SB-1A2B3C7000-0F1E2D3C4E-78")) for _ in range(3)]
        await asyncio.sleep(1.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    requests = connected.requests()
    assert requests["GET /sessions/{referenceNumber}"] >= 3
    assert requests[LOGOUT] == requests["POST /auth/ksef-token"] == 1


@pytest.mark.parametrize(
    ("other", "logins"),
    [
        pytest.param(lambda emulator: emulator.connection(), 1, id="the same"),
        pytest.param(lambda emulator: emulator.connection(extra={"timeout": 29}), 2, id="changed meanwhile"),
    ],
)
def test_a_client_is_shared_for_as_long_as_the_connection_is_the_same(
    connected: EmulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    other: Callable[[EmulatorProcess], str],
    logins: int,
) -> None:
    async def main() -> None:
        async with shared_client(KsefHook()) as first:
            await first.log_in()
            monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", other(connected))
            async with shared_client(KsefHook()) as second:
                await second.log_in()
                assert (first is second) is (logins == 1)
            await first.log_in()

    asyncio.run(main())
    assert connected.requests()["POST /auth/ksef-token"] == logins
    assert connected.requests()[LOGOUT] == logins


def test_another_context_has_a_client_of_its_own(connected: EmulatorProcess) -> None:
    async def main() -> None:
        async with (
            shared_client(KsefHook()) as own,
            shared_client(KsefHook(context_identifier=NIP)) as named,
        ):
            assert own is not named

    asyncio.run(main())


def test_after_an_error_whoever_comes_later_logs_in_anew(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with shared_client(KsefHook()) as first:
            with suppress(KsefLoginError):
                async with shared_client(KsefHook()) as second:
                    assert second is first
                    raise KsefLoginError("Login", 425, "x")
            async with shared_client(KsefHook()) as third:
                assert third is not first

    asyncio.run(main())
