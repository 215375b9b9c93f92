"""What takes a while to compute is a step of a flow, so that an event loop need not stand still for it."""

from __future__ import annotations

import asyncio
import threading

from airflow_provider_ksef.client.calls import Flow, Work
from tests.unit.client.fake_ksef import FakeKsef


def computed() -> Flow[threading.Thread]:
    return (yield from Work(threading.current_thread))


def test_ordinary_code_computes_in_place() -> None:
    assert FakeKsef().sync_client().run(computed()) is threading.main_thread()


def test_asynchronous_code_leaves_it_to_a_thread() -> None:
    async def main() -> threading.Thread:
        async with FakeKsef().async_client() as ksef:
            return await ksef.run(computed())

    assert asyncio.run(main()) is not threading.main_thread()
