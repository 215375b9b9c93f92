"""Around a whole emulator: every request of our client and every answer is held against the contract."""

from __future__ import annotations

from contextvars import ContextVar
from functools import wraps

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_ksef.emulator.faults import Fault, Faults
from tests.contract.answer_check import storage_answer_problems
from tests.contract.checking import STORAGE, check_answer, check_request
from tests.contract.openapi import Contract
from tests.contract.violations import report

_API = "/v2"
_CLIENT = "airflow-provider-ksef"
_MOST_BYTES = 8_000_000
_is_fault: ContextVar[bool] = ContextVar("is_fault", default=False)


def notice_faults() -> None:
    """Let the middleware know which answers were ordered to be wrong."""
    take = Faults.take

    @wraps(take)
    def noticed(faults: Faults, method: str, path: str) -> Fault | None:
        fault = take(faults, method, path)
        if fault is not None:
            _is_fault.set(True)
        return fault

    Faults.take = noticed  # type: ignore[method-assign]


class ContractCheck:
    """ASGI middleware that looks on and changes nothing."""

    def __init__(self, app: ASGIApp, contract: Contract) -> None:
        self._app = app
        self._contract = contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith((_API, STORAGE)):
            await self._app(scope, receive, send)
            return
        _is_fault.set(False)
        exchange = _Exchange(self._contract, scope)

        async def listen() -> Message:
            message = await receive()
            exchange.hear(message)
            return message

        async def speak(message: Message) -> None:
            exchange.say(message)  # before the client has it: its test ends no sooner
            await send(message)

        await self._app(scope, listen, speak)


class _Exchange:
    def __init__(self, contract: Contract, scope: Scope) -> None:
        self._contract = contract
        self._scope = scope
        self._is_storage = scope["path"].startswith(STORAGE)
        self._sent = _Body()
        self._answer = _Body()
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []

    def hear(self, message: Message) -> None:
        if message["type"] == "http.request" and not self._is_storage:
            self._sent.add(message)

    def say(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message["headers"])
            if self._is_storage:
                self._check_storage()
        elif not self._is_storage:
            self._answer.add(message)
            if not message.get("more_body", False):
                self._check()

    def _check(self) -> None:
        request = self._request(self._sent.content)
        if self._is_ours(request):
            check_request(self._contract, request)
        if self._answer.is_whole and not _is_fault.get():
            answer = httpx.Response(self._status, headers=self._headers, content=self._answer.content)
            check_answer(self._contract, request, answer)

    def _check_storage(self) -> None:
        request = self._request(b"")
        if self._is_ours(request):
            check_request(self._contract, request)
        if not _is_fault.get():
            answer = httpx.Response(self._status, headers=self._headers)
            report(f"answer {self._status} of a link", storage_answer_problems(request, answer))

    def _request(self, content: bytes) -> httpx.Request:
        query = self._scope["query_string"].decode("ascii")
        path = self._scope["raw_path"].decode("ascii").removesuffix("/")
        url = f"http://emulator{path}" + (f"?{query}" if query else "")
        return httpx.Request(self._scope["method"], url, headers=self._scope["headers"], content=content)

    def _is_ours(self, request: httpx.Request) -> bool:
        return request.headers.get("User-Agent", "").startswith(_CLIENT)


class _Body:
    """A body as far as it has come by; of a large one nothing is kept."""

    def __init__(self) -> None:
        self.content = b""
        self.is_whole = True

    def add(self, message: Message) -> None:
        self.content += message.get("body", b"")
        if len(self.content) > _MOST_BYTES:
            self.is_whole = False
        if not self.is_whole:
            self.content = b""
