"""The executor for asynchronous code, such as triggers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import tenacity

from airflow_provider_ksef.client import login, retries
from airflow_provider_ksef.client.answers import interpret
from airflow_provider_ksef.client.auth import AsyncAuth, Login, LoginFailedError
from airflow_provider_ksef.client.calls import Call, CurrentKey, Flow, Pause, Step, Walk, Work
from airflow_provider_ksef.client.limit_reading import may_read_before, read_limits
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.places import Place
from airflow_provider_ksef.client.presigned import keep_signatures_out_of_logs
from airflow_provider_ksef.client.security import KeyRing
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.client.transport import (
    LOGOUT_TIMEOUT,
    answer_of,
    as_request,
    no_answer,
    ssl_context,
)
from airflow_provider_ksef.client.usage import Usage
from airflow_provider_ksef.client.wire import PLACE, Wire
from airflow_provider_ksef.exceptions import KsefBudgetError, KsefError

T = TypeVar("T")
AT_A_TIME = 10
"""
Protected calls under way, those aside that wait for their turn; KSeF takes as many a second, and more would
hold up the event loop.
"""


class AsyncKsefClient:
    """
    Talk to KSeF: ``async with AsyncKsefClient(settings) as ksef: await ksef.run(exports.get_status(ref))``.

    It logs in at the first protected call and ends its login when it is closed. Several tasks of one event
    loop may use it at a time.

    ``usage`` counts its calls, waits and bytes; ``on_close`` holds whom to tell when it is closed.

    :param settings: where, for whom, with which secret.
    :param limiter: gives each request its turn within KSeF's rate limits; None to leave that to KSeF.
    :param transport: another way to send requests than over the network, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        limiter: RateLimiter | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        keep_signatures_out_of_logs()
        self.settings = settings
        self.usage = Usage()
        self.on_close: list[Callable[[Usage], None]] = []
        self.public_keys = KeyRing()
        self._login = Login(settings)
        self._auth = AsyncAuth(self._login, self.run)
        self._under_way = asyncio.Semaphore(AT_A_TIME)
        self._limiter = limiter
        self._wire = Wire(self.usage, limiter)
        self._http = httpx.AsyncClient(
            transport=transport,
            verify=ssl_context(),
            event_hooks={"request": [self._wire.before_async], "response": [self._wire.after_async]},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the login session, best effort, and close all connections."""
        tokens, self._login.tokens = self._login.tokens, None
        if tokens is not None:
            request = as_request(login.log_out(tokens), self.settings, LOGOUT_TIMEOUT)
            with suppress(httpx.HTTPError, KsefBudgetError):
                await self._http.send(request)
        await self._http.aclose()
        while self.on_close:
            self.on_close.pop()(self.usage)

    async def log_in(self) -> None:
        """
        Log in now rather than at the first protected call.

        :raises KsefLoginError: where KSeF refuses.
        """
        await self._auth.access()

    async def run(self, flow: Flow[T] | Call[T]) -> T:
        """
        Carry out a call or a flow.

        :param flow: what one of this package's functions described.
        :returns: its result.
        :raises KsefError: one of the tree, with what to do next.
        """
        walk = Walk(flow)
        while walk.step is not None:
            try:
                outcome = await self._carry_out(walk.step)
            except KsefError as error:
                walk.fail(error)
            else:
                walk.answer(outcome)
        return walk.result

    async def _carry_out(self, step: Step) -> Any:
        match step:
            case Call():
                await self._look_at_limits(step)
                return await self._with_retries(step)
            case Pause():
                return await asyncio.sleep(step.seconds)
            case Work():
                return await asyncio.to_thread(step.compute)
            case CurrentKey():
                return await self.run(self.public_keys.current(step))

    async def _with_retries(self, call: Call[T]) -> T:
        policy = retries.policy(f"{call.method} {call.path}", is_safe=call.is_safe)
        try:
            return await tenacity.AsyncRetrying(**policy)(self._exchange, call)
        except LoginFailedError as failed:
            raise failed.error from failed.error.__cause__

    async def _look_at_limits(self, call: Call[Any]) -> None:
        """Read KSeF's limits before a call where it is time to, and nobody else does."""
        limiter = self._limiter
        if limiter is None or not may_read_before(call):
            return
        if await asyncio.to_thread(limiter.must_read_limits):
            limits = await self.run(read_limits())
            if limits is not None:
                await asyncio.to_thread(limiter.learn, limits)

    async def _exchange(self, call: Call[T]) -> T:
        request = as_request(call, self.settings)
        try:
            if call.needs_login:
                async with Place(self._under_way) as place:
                    request.extensions[PLACE] = place
                    response = await self._http.send(request, auth=self._auth)
            else:  # a login is part of the call that waits for it, so it takes no turn of its own
                response = await self._http.send(request)
        except httpx.HTTPError as error:
            await asyncio.to_thread(self._wire.landed, request)
            raise no_answer(error, f"{call.method} {call.path}", self.settings) from error
        self.usage.count_received(response.num_bytes_downloaded)
        return interpret(call, answer_of(call, response))
