"""What every request passes first: counting, ordered faults, rate limits, and cut connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_ksef.emulator.ascii import fold_to_ascii
from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Problem, exception_body, problem_body
from airflow_provider_ksef.emulator.faults import Fault
from airflow_provider_ksef.emulator.jwt import InvalidJwt, read_jwt
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.rate_limits import Exceeded

log = logging.getLogger(__name__)
API, CONTROLS, LATARNIA, STORAGE = "/v2", "/_emulator", "/latarnia", "/storage"
PROBLEM_DETAILS = "problem-details"
_WITHOUT_BODY = (204, 304)
_SYSTEM_WARNING = b"x-test-system-warning"
_SIGN = (b"x-ksef-emulator", b"1")
"""By this header a client can tell an emulator from KSeF."""


class Gate:
    """
    ASGI middleware before everything else.

    :param routes: give the endpoints, for the names under which requests are counted.
    :param connections: cuts connections.
    """

    def __init__(
        self,
        app: ASGIApp,
        emulator: Emulator,
        connections: Connections,
        routes: Callable[[], Iterable[BaseRoute]],
    ) -> None:
        self._app = app
        self._emulator = emulator
        self._connections = connections
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope["path"].startswith((API, LATARNIA, STORAGE)):
            await self._work(scope, receive, send)
            return
        if scope["path"].startswith(API):
            scope = {**scope, "path": scope["path"].removesuffix("/")}  # KSeF does not mind one more
        endpoint = self._name(scope)
        self._emulator.stats.count(endpoint)
        fault = self._emulator.faults.take(scope["method"], scope["path"])
        if fault is None:
            await self._serve(endpoint, scope, receive, send)
        else:
            await self._fail(fault, endpoint, scope, receive, send)

    async def _serve(self, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        exceeded = self._take(endpoint, scope)
        if exceeded is not None:
            self._emulator.stats.count_rejected()
            await self._refuse(exceeded, scope, receive, send)
            return
        await self._work(scope, receive, _with_warning(scope, _signed(send)))

    def _name(self, scope: Scope) -> str:
        for route in self._routes():
            match, _ = route.matches(scope)
            if match is Match.FULL:
                path = str(getattr(route, "path", scope["path"]))
                return f"{scope['method']} {path.removeprefix(API)}"
        return f"{scope['method']} {scope['path'].removeprefix(API)}"

    async def _fail(self, fault: Fault, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            await self._connections.cut(scope)
        elif fault.drop == "after":
            await self._serve(endpoint, scope, receive, _swallow)
            await self._connections.cut(scope)
        elif fault.is_answer:
            await _drain(receive)
            await _answer(send, fault.status or 200, fault.headers, fault.body or b"")
        else:
            await self._serve(endpoint, scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            log.info("%s %s: the client is gone", scope["method"], scope["path"])
        except Exception:  # the emulator's own fault, told as KSeF tells its own
            log.exception("%s %s failed", scope["method"], scope["path"])
            body = msgspec.json.encode(exception_body(ApiError(500), self._emulator.clock.now()))
            await _answer(send, 500, {"content-type": "application/json"}, body)

    def _take(self, endpoint: str, scope: Scope) -> Exceeded | None:
        if not scope["path"].startswith(API):
            return None
        address = scope["client"][0] if scope["client"] else ""
        now = self._emulator.clock.now() / TICKS_PER_SECOND
        return self._emulator.rate_limits.take(endpoint, self._context(Headers(scope=scope)), address, now)

    def _context(self, headers: Headers) -> str:
        try:
            claims = read_jwt(headers.get("authorization", "").rpartition(" ")[2], self._emulator.secret)
        except InvalidJwt:
            return ""
        return f"{claims['cit']}:{claims['civ']}"

    async def _refuse(self, exceeded: Exceeded, scope: Scope, receive: Receive, send: Send) -> None:
        await _drain(receive)
        headers = {"retry-after": str(exceeded.retry_after), "content-type": "application/json"}
        status = {"code": 429, "description": "Too Many Requests", "details": [exceeded.sentence]}
        body: dict[str, object] = {"status": status}
        if Headers(scope=scope).get("x-error-format", "").lower() == PROBLEM_DETAILS:
            headers["content-type"] = "application/problem+json"
            problem = Problem(429, "Too Many Requests", exceeded.sentence)
            body = problem_body(problem, scope["path"], self._emulator.clock.now())
        await _answer(send, 429, headers, msgspec.json.encode(body))


async def _swallow(message: Message) -> None:
    """Send nothing."""


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    if status not in _WITHOUT_BODY and not any(name == b"content-length" for name, _ in raw):
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _signed(send: Send) -> Send:
    async def sign(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _SIGN]
        await send(message)

    return sign


def _with_warning(scope: Scope, send: Send) -> Send:
    warnings = [value for name, value in scope["headers"] if name == _SYSTEM_WARNING and value]
    if not warnings:
        return send
    folded = " | ".join(fold_to_ascii(warning.decode("utf-8", "replace")) for warning in warnings)

    async def warn(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            message["headers"] = [
                *message["headers"],
                (b"x-system-warning", folded.encode()),
            ]
        await send(message)

    return warn
