"""Turns in Redis, for hosts that share an address and no disk, such as pods behind one gateway."""

from __future__ import annotations

import random
import time
from typing import Any, TypeVar

from airflow_provider_ksef.client.turn_store import KEPT_SECONDS, Change, StoreError

T = TypeVar("T")
_TRIES = 100
_TIMEOUT = 2.0
_KEPT_MILLISECONDS = KEPT_SECONDS * 1000


class RedisTurnStore:
    """
    Records that expire by themselves; the time is that of Redis, so that clocks of hosts may differ.

    :param url: such as ``redis://:password@host:6379/0``.
    :raises StoreError: where the package ``redis`` is missing or the URL is none.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis
        except ImportError as error:
            raise StoreError("The package redis is missing: install airflow-provider-ksef[redis].") from error
        try:
            self._redis = redis.Redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
        except ValueError:  # its text may hold the URL's password
            raise StoreError("redis_url is no URL such as redis://host:6379/0.") from None
        self._errors: type[Exception] = redis.RedisError
        self._conflict: type[Exception] = redis.WatchError

    def update(self, keys: list[str], change: Change[T]) -> T:
        """See :meth:`~airflow_provider_ksef.client.turn_store.TurnStore.update`."""
        try:
            for _ in range(_TRIES):
                try:
                    return self._update(keys, change)
                except self._conflict:
                    time.sleep(random.uniform(0, 0.005))  # noqa: S311
        except self._errors as error:
            raise StoreError(f"Redis: {error}") from error
        raise StoreError(f"Redis: others were faster {_TRIES} times in a row")

    def _update(self, keys: list[str], change: Change[T]) -> T:
        pipe: Any
        with self._redis.pipeline() as pipe:
            pipe.watch(*keys)
            seconds, microseconds = pipe.time()
            records = dict(zip(keys, pipe.mget(keys), strict=True))
            result, changed = change(records, seconds * 1_000_000 + microseconds)
            if changed:
                pipe.multi()
                for name, record in changed.items():
                    pipe.set(name, record, px=_KEPT_MILLISECONDS)
                pipe.execute()
        return result
