"""One client for all triggers of a connection: KSeF limits logins by address, and each login is work."""

from __future__ import annotations

import asyncio
import hashlib
import json
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from airflow_provider_ksef.client import AsyncKsefClient
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.ksef import KsefHook


@dataclass
class _Shared:
    """
    A client and how many use it.

    :param users: the last one closes it.
    """

    users: int = 0
    _client: AsyncKsefClient | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def client(self, hook: KsefHook) -> AsyncKsefClient:
        async with self._lock:
            if self._client is None:
                self._client = await hook.get_async_conn()
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


@dataclass
class _Clients:
    """
    The clients of an event loop.

    :param by_key: by what tells their connections apart.
    :param reading: lets a few at a time read their connection; hundreds at once would hold up the loop.
    """

    by_key: dict[str, _Shared] = field(default_factory=dict)
    reading: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 10))


_by_loop: WeakKeyDictionary[AbstractEventLoop, _Clients] = WeakKeyDictionary()


@asynccontextmanager
async def shared_client(hook: KsefHook) -> AsyncIterator[AsyncKsefClient]:
    """
    Use the client of a connection and context that this event loop has, or begin it.

    Its login ends with its last user. A connection that was changed meanwhile is another one. Where a user
    meets an error, whoever comes later logs in anew.

    :param hook: names the connection and the context.
    :raises KsefInputError: where the connection cannot be used.
    """
    clients = _by_loop.setdefault(asyncio.get_running_loop(), _Clients())
    async with clients.reading:
        key = await _key(hook)
    shared = clients.by_key.setdefault(key, _Shared())
    shared.users += 1
    try:
        yield await shared.client(hook)
    except KsefError:
        _forget(clients.by_key, key, shared)
        raise
    finally:
        shared.users -= 1
        if not shared.users:
            _forget(clients.by_key, key, shared)
            await shared.close()


def _forget(clients: dict[str, _Shared], key: str, shared: _Shared) -> None:
    if clients.get(key) is shared:
        del clients[key]


async def _key(hook: KsefHook) -> str:
    """Tell connections apart by all that they hold, of which no more than a digest is kept."""
    connection, extra = await hook.aget_fields()
    parts = [connection.host, connection.login, connection.password, connection.extra, extra]
    told = json.dumps([*parts, hook.context_identifier], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
