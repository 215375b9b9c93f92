"""The executor for ordinary code, such as operators."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import tenacity

from airflow_provider_ksef.client import login, retries, transfer
from airflow_provider_ksef.client.answers import interpret
from airflow_provider_ksef.client.auth import Login, LoginFailedError, SyncAuth
from airflow_provider_ksef.client.batch import PartUpload
from airflow_provider_ksef.client.calls import Call, CurrentKey, Flow, Pause, Step, Walk, Work
from airflow_provider_ksef.client.crypto import SessionKey
from airflow_provider_ksef.client.encrypted_package import EncryptedPackage
from airflow_provider_ksef.client.exports import ExportPackage
from airflow_provider_ksef.client.limit_reading import may_read_before, read_limits
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.limits import PRODUCTION_RATE_LIMITS, RateLimit
from airflow_provider_ksef.client.packing import PackedPart
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
from airflow_provider_ksef.client.wire import Wire
from airflow_provider_ksef.exceptions import KsefBudgetError, KsefError

T = TypeVar("T")


class KsefClient:
    """
    Talk to KSeF: ``with KsefClient(settings) as ksef: status = ksef.run(sessions.get_status(reference))``.

    It logs in at the first protected call and ends its login when it is closed. It may be used by several
    threads at a time.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.settings = settings
        self.usage = Usage()
        self.on_close: list[Callable[[Usage], None]] = []
        self._transport = transport
        self._is_logged_out = False
        self.public_keys = KeyRing()
        self._login = Login(settings)
        self._auth = SyncAuth(self._login, self.run)
        self._limiter = limiter
        self._wire = Wire(self.usage, limiter)
        self._hooks: dict[str, list[Callable[..., Any]]] = {
            "request": [self._wire.before],
            "response": [self._wire.after],
        }
        self._http = httpx.Client(
            transport=transport,
            verify=ssl_context(),
            event_hooks=self._hooks,
        )
        self._files = transfer.FileTransfer(settings, self.usage, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the login session, best effort, and close all connections."""
        self._end_login(LOGOUT_TIMEOUT, self._hooks)
        self._http.close()
        self._files.close()
        while self.on_close:
            self.on_close.pop()(self.usage)

    @property
    def is_closed(self) -> bool:
        """Whether it may not be used any more."""
        return self._http.is_closed

    def log_out(self, timeout: float = LOGOUT_TIMEOUT) -> None:
        """
        End the login session, best effort; what is under way goes on with its access token.

        A signal handler may call it in the middle of another request, so it takes no turn.

        :param timeout: seconds that it may take.
        """
        self._end_login(timeout, {})

    def _end_login(self, timeout: float, hooks: dict[str, list[Callable[..., Any]]]) -> None:
        """End the login session over a connection of its own."""
        tokens = self._login.tokens
        if tokens is None or self._is_logged_out:
            return
        self._is_logged_out = True
        request = as_request(login.log_out(tokens), self.settings, timeout)
        with (
            suppress(httpx.HTTPError, KsefBudgetError),
            httpx.Client(transport=self._transport, verify=ssl_context(), event_hooks=hooks) as http,
        ):
            http.send(request)

    def log_in(self) -> None:
        """
        Log in now rather than at the first protected call.

        :raises KsefLoginError: where KSeF refuses.
        """
        self._auth.access()

    def run(self, flow: Flow[T] | Call[T]) -> T:
        """
        Carry out a call or a flow.

        :param flow: what one of this package's functions described.
        :returns: its result.
        :raises KsefError: one of the tree, with what to do next.
        """
        walk = Walk(flow)
        while walk.step is not None:
            try:
                outcome = self._carry_out(walk.step)
            except KsefError as error:
                walk.fail(error)
            else:
                walk.answer(outcome)
        return walk.result

    def known_limits(self) -> Mapping[str, RateLimit]:
        """
        Give KSeF's rate limits by its groups, such as ``invoiceExport``, without a call: what KSeF told this
        host's tasks last, else production's.
        """
        return self._limiter.known_limits() if self._limiter else PRODUCTION_RATE_LIMITS.by_group()

    def upload_parts(self, uploads: Sequence[PartUpload], parts: Sequence[PackedPart]) -> None:
        """
        Upload the parts of a package, several at a time, each retried alone.

        :param uploads: where to, as KSeF said when the session was opened.
        :param parts: the encrypted parts on disk.
        """
        self._files.upload_parts(uploads, parts)

    def download_package(self, package: ExportPackage, key: SessionKey, folder: Path) -> EncryptedPackage:
        """
        Download and verify an export's parts; they stay encrypted on disk.

        ``with ksef.download_package(package, key, folder).open() as archive`` reads the plain archive at any
        place, and ``write_plain(path)`` makes a file of it.

        :param package: of a finished export.
        :param key: the key that the export was started with.
        :param folder: where the parts are to lie; they appear there only when all are there and right.
        :returns: the package. The parts are the caller's to delete.
        """
        return self._files.download_package(package, key, folder)

    def _carry_out(self, step: Step) -> Any:
        match step:
            case Call():
                self._look_at_limits(step)
                return self._with_retries(step)
            case Pause():
                return time.sleep(step.seconds)
            case Work():
                return step.compute()
            case CurrentKey():
                return self.run(self.public_keys.current(step))

    def _with_retries(self, call: Call[T]) -> T:
        policy = retries.policy(f"{call.method} {call.path}", is_safe=call.is_safe)
        try:
            result: T = tenacity.Retrying(**policy)(self._exchange, call)
        except LoginFailedError as failed:
            raise failed.error from failed.error.__cause__
        return result

    def _look_at_limits(self, call: Call[Any]) -> None:
        """Read KSeF's limits before a call where it is time to, and nobody else does."""
        limiter = self._limiter
        if limiter is None or not may_read_before(call):
            return
        if limiter.must_read_limits():
            limits = self.run(read_limits())
            if limits is not None:
                limiter.learn(limits)

    def _exchange(self, call: Call[T]) -> T:
        request = as_request(call, self.settings)
        try:
            response = self._http.send(request, auth=self._auth if call.needs_login else None)
        except httpx.HTTPError as error:
            self._wire.landed(request)
            raise no_answer(error, f"{call.method} {call.path}", self.settings) from error
        self.usage.count_received(response.num_bytes_downloaded)
        return interpret(call, answer_of(call, response))
