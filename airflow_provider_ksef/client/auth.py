"""One login for all calls of a client: made when first needed, renewed in time, shared by parallel calls."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

import httpx

from airflow_provider_ksef.client import login
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.exceptions import KsefApiError, KsefError, KsefRateLimitError, KsefUnavailableError

log = logging.getLogger(__name__)
FAILURE_STANDS = 5.0
"""Seconds in which calls that share a client share the failure of its login, too."""
_UNAUTHORIZED = 401


class LoginFailedError(Exception):
    """
    Carries a login's error out of httpx, so that it is told from an error of the call that needed the login.

    :param error: what the login said; its own repetitions are used up.
    """

    def __init__(self, error: KsefError) -> None:
        super().__init__(error)
        self.error = error


class Login:
    """
    A client's login.

    :param settings: context and credential.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.tokens: login.LoginTokens | None = None

    def access(self, refused: str = "") -> Flow[str]:
        """
        Give an access token that is good for a while, logging in or refreshing where needed.

        Whoever runs this flow holds a lock, so that parallel calls share one login.

        :param refused: an access token that KSeF has just refused.
        """
        tokens = self.tokens
        if tokens is None or tokens.access == refused or tokens.fresh_until <= time.monotonic():
            tokens = self.tokens = yield from self._renewed()
        return tokens.access

    def _renewed(self) -> Flow[login.LoginTokens]:
        if self.tokens is not None and time.monotonic() < self.tokens.refresh_until:
            try:
                return (yield from login.refresh_access(self.tokens))
            except (KsefRateLimitError, KsefUnavailableError):
                raise
            except KsefApiError as error:
                log.info("The login cannot be refreshed, logging in anew. %s", error)
        return (yield from login.log_in(self._settings))


class SyncAuth(httpx.Auth):
    """
    Puts the access token on requests of an ``httpx.Client``; a 401 leads to one renewal and one repetition.

    :param keeper: the login.
    :param run: carries out a flow.
    """

    requires_response_body = True

    def __init__(self, keeper: Login, run: Callable[[Flow[str]], str]) -> None:
        self._keeper = keeper
        self._run = run
        self._lock = threading.Lock()

    def access(self, refused: str = "") -> str:
        """
        Give an access token, logging in where needed.

        :param refused: an access token that KSeF has just refused.
        """
        with self._lock:
            return self._run(self._keeper.access(refused))

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with the access token, and once more with a new one where it is refused."""
        refused = ""
        for _ in range(2):
            try:
                access = self.access(refused)
            except KsefError as error:
                raise LoginFailedError(error) from error
            if (yield _with_token(request, access)).status_code != _UNAUTHORIZED:
                return
            refused = access


class AsyncAuth(httpx.Auth):
    """
    Puts the access token on requests of an ``httpx.AsyncClient``; otherwise as :class:`SyncAuth`.

    :param keeper: the login.
    :param run: carries out a flow.
    """

    requires_response_body = True

    def __init__(self, keeper: Login, run: Callable[[Flow[str]], Awaitable[str]]) -> None:
        self._keeper = keeper
        self._run = run
        self._lock = asyncio.Lock()
        self._failure: KsefError | None = None
        self._failure_stands_until = 0.0

    async def access(self, refused: str = "") -> str:
        """
        Give an access token, logging in where needed.

        A login that failed stands for all calls of some seconds: hundreds of them try no hundreds of logins.

        :param refused: an access token that KSeF has just refused.
        """
        async with self._lock:
            if self._failure is not None and time.monotonic() < self._failure_stands_until:
                raise self._failure
            try:
                return await self._run(self._keeper.access(refused))
            except KsefError as error:
                self._failure, self._failure_stands_until = error, time.monotonic() + FAILURE_STANDS
                raise

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request with the access token, and once more with a new one where it is refused."""
        refused = ""
        for _ in range(2):
            try:
                access = await self.access(refused)
            except KsefError as error:
                raise LoginFailedError(error) from error
            if (yield _with_token(request, access)).status_code != _UNAUTHORIZED:
                return
            refused = access


def _with_token(request: httpx.Request, access: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {access}"
    return request
