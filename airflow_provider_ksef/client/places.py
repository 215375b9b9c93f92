"""Calls under way of one asynchronous client are bounded; who waits for a turn is not under way."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Place:
    """
    A call's place among those under way: ``async with Place(places)``.

    :param places: as many as calls may be under way.
    """

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_held = False

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    async def sleep_outside(self, seconds: float) -> None:
        """
        Leave the place to others for a while; who is cancelled meanwhile holds none.

        :param seconds: to sleep.
        """
        self._leave()
        await asyncio.sleep(seconds)
        await self._take()

    async def _take(self) -> None:
        await self._places.acquire()
        self._is_held = True

    def _leave(self) -> None:
        if self._is_held:
            self._is_held = False
            self._places.release()
