"""At the wire: what is done around every request, whoever sends or repeats it."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid

import httpx

from airflow_provider_ksef.client.asked_wait import asked_wait
from airflow_provider_ksef.client.budget_words import BudgetWords
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.places import Place
from airflow_provider_ksef.client.rate_limit_groups import STORAGE
from airflow_provider_ksef.client.turns import Turn, Wait
from airflow_provider_ksef.client.usage import Usage
from airflow_provider_ksef.exceptions import KsefBudgetError

log = logging.getLogger(__name__)

GROUP = "ksef_group"
"""The extension of a request that names its group of endpoints; without it, it leads to storage."""
COUNTER = "ksef_counter"
"""The extension that names the counter within the group."""
PATIENCE = "ksef_patience"
"""The extension that tells how many seconds the request may wait for its turn."""
PLACE = "ksef_place"
"""The extension that holds the request's :class:`~.places.Place` among those under way, where it has one."""
_TURN = "ksef_turn"
_WORTH_A_WORD = 1.0
_SHORTEST_BLOCK = 1.0
"""Seconds, KSeF's shortest window: for a 429 that does not say how long to wait."""


class Wire:
    """
    Hooks for a client of httpx, which calls them around each request, those of a login included.

    :param usage: counts requests and answers.
    :param limiter: gives each request its turn; None to let all through.
    """

    def __init__(self, usage: Usage, limiter: RateLimiter | None) -> None:
        self._usage = usage
        self._limiter = limiter
        self._words = BudgetWords()
        self._name = uuid.uuid4().hex[:12]

    def before(self, request: httpx.Request) -> None:
        """
        Wait for the request's turn.

        :raises KsefBudgetError: where it is further away than the request may wait; nothing is sent.
        """
        if self._is_limited(request):
            while isinstance(taken := self._take(request, self._name), Wait):
                time.sleep(self._accepted(request, taken))
            request.extensions[_TURN] = taken
        self._count(request)

    async def before_async(self, request: httpx.Request) -> None:
        """Do as :meth:`before`, in an event loop."""
        if self._is_limited(request):
            waiter = f"{self._name}-{id(asyncio.current_task())}"
            while isinstance(taken := await asyncio.to_thread(self._take, request, waiter), Wait):
                await self._sleep(request, self._accepted(request, taken))
            request.extensions[_TURN] = taken
        self._count(request)

    def after(self, response: httpx.Response) -> None:
        """Count the turn from the answer on, and let nobody through where KSeF asks to wait."""
        self._usage.count_answer(response.status_code)
        self.landed(response.request)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self._block(response)

    async def after_async(self, response: httpx.Response) -> None:
        """Do as :meth:`after`, in an event loop."""
        if self._is_limited(response.request):
            await asyncio.to_thread(self.after, response)
        else:
            self.after(response)

    def landed(self, request: httpx.Request) -> None:
        """Count the request's turn from now on: it was answered, or no answer will come."""
        turn = request.extensions.pop(_TURN, None)
        if turn is not None and self._limiter is not None:
            self._limiter.land(turn)

    async def _sleep(self, request: httpx.Request, seconds: float) -> None:
        place: Place | None = request.extensions.get(PLACE)
        await (asyncio.sleep(seconds) if place is None else place.sleep_outside(seconds))

    def _is_limited(self, request: httpx.Request) -> bool:
        return self._limiter is not None and request.extensions.get(GROUP, STORAGE) != STORAGE

    def _take(self, request: httpx.Request, waiter: str) -> Turn | Wait | None:
        if self._limiter is None:
            return None
        group, counter = request.extensions[GROUP], request.extensions[COUNTER]
        taken = self._limiter.take(group, counter)
        if isinstance(taken, Turn):
            self._words.tell(counter, taken)
        elif taken is not None and taken.seconds > request.extensions[PATIENCE]:
            taken = self._limiter.line_up(group, counter, waiter) or taken
        return taken

    def _accepted(self, request: httpx.Request, wait: Wait) -> float:
        group = request.extensions[COUNTER]
        if wait.seconds > request.extensions[PATIENCE]:
            raise KsefBudgetError(group, wait.seconds, wait.until, wait.reason)
        if wait.seconds >= _WORTH_A_WORD:
            log.info("%s: %s, going on in %.0f s.", group, wait.reason, wait.seconds)
        self._usage.count_wait(wait.seconds)
        return wait.seconds

    def _block(self, response: httpx.Response) -> None:
        extensions, asked = response.request.extensions, asked_wait(response.headers) or 0.0
        if self._limiter is not None and self._is_limited(response.request):
            self._limiter.block(extensions[GROUP], extensions[COUNTER], max(asked, _SHORTEST_BLOCK))

    def _count(self, request: httpx.Request) -> None:
        group = request.extensions.get(GROUP, STORAGE)
        self._usage.count_call(group, int(request.headers.get("content-length", 0)))
