"""Stores for turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from airflow_provider_ksef.client.redis_turn_store import RedisTurnStore
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.client.turn_store import TurnStore
from tests.limits.stores import start_redis


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, url = start_redis(tmp_path_factory.mktemp("redis"))
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
def redis_url(_redis: str) -> str:
    """A Redis in which nothing is kept yet."""
    redis.Redis.from_url(_redis).flushall()
    return _redis


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TurnStore:
    """Each kind of store, with nothing of this test's in it."""
    if request.param == "sqlite":
        return SqliteTurnStore(tmp_path / "turns.sqlite")
    return RedisTurnStore(request.getfixturevalue("redis_url"))
