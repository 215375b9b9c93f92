"""What the client's tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import pytest
import tenacity

from airflow_provider_ksef.client import retries
from airflow_provider_ksef.client.calls import Call, Flow
from tests.unit.client.fake_ksef import FakeKsef
from tests.unit.client.storage_server import Storage

T = TypeVar("T")


class RunAll(Protocol):
    """Carry out flows one after the other by one client, and give their results."""

    def __call__(self, ksef: FakeKsef, *flows: Flow[Any] | Call[Any]) -> list[Any]: ...


def _run_sync(ksef: FakeKsef, *flows: Flow[Any] | Call[Any]) -> list[Any]:
    with ksef.sync_client() as client:
        return [client.run(flow) for flow in flows]


def _run_async(ksef: FakeKsef, *flows: Flow[Any] | Call[Any]) -> list[Any]:
    async def main() -> list[Any]:
        async with ksef.async_client() as client:
            return [await client.run(flow) for flow in flows]

    return asyncio.run(main())


@pytest.fixture(params=[_run_sync, _run_async], ids=["sync", "async"])
def run_all(request: pytest.FixtureRequest) -> RunAll:
    """Each test that asks for this runs with either executor."""
    run: RunAll = request.param
    return run


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_backoff", tenacity.wait_none())


@pytest.fixture
def ksef() -> FakeKsef:
    return FakeKsef()


@pytest.fixture
def storage() -> Iterator[Storage]:
    with Storage() as serving:
        yield serving
