"""Between the descriptions of calls and httpx: requests out, answers in, broken connections as our errors."""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ssl import SSLContext

import httpx
import msgspec

from airflow_provider_ksef.client import retries
from airflow_provider_ksef.client.calls import Answer, Call, T
from airflow_provider_ksef.client.presigned import check_link
from airflow_provider_ksef.client.rate_limit_groups import STORAGE, counter_of, group_of
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.client.wire import COUNTER, GROUP, PATIENCE
from airflow_provider_ksef.exceptions import KsefTransportError

_encoder = msgspec.json.Encoder(decimal_format="number")
_ON_THE_WAY = 1.0
"""Seconds more for a turn: a window of a minute begins with calls whose answers are still to come."""
LOGOUT_TIMEOUT = 5.0
"""Seconds that the end of a login may take; nobody needs its outcome."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@cache
def ssl_context() -> SSLContext:
    """Load the trusted certificates once for all clients of the process; it takes tens of milliseconds."""
    return httpx.create_ssl_context()


@cache
def user_agent() -> str:
    """Name this package and its version."""
    try:
        return f"airflow-provider-ksef/{version('airflow-provider-ksef')}"
    except PackageNotFoundError:
        return "airflow-provider-ksef"


def as_request(call: Call[T], settings: Settings, timeout: float | None = None) -> httpx.Request:
    """
    Make the HTTP request of a call, without its access token.

    :param call: the description.
    :param settings: base URL and timeout.
    :param timeout: seconds to wait for the turn and then for the answer, in place of the settings'.
    :raises KsefIntegrityError: where the call's link leads elsewhere than to KSeF.
    """
    headers = {
        "Accept": "application/json, application/xml, application/problem+json, */*",
        "User-Agent": user_agent(),
        "X-Error-Format": "problem-details",
        **call.headers,
    }
    content = None
    if isinstance(call.body, bytes):
        content = call.body
        headers["Content-Type"] = "application/xml"
    elif call.body is not None:
        content = _encoder.encode(call.body)
        headers["Content-Type"] = "application/json"
    environment = settings.environment
    return httpx.Request(
        call.method,
        check_link(environment, call.link) if call.link else environment.base_url + call.path,
        params=dict(call.params) or None,
        headers=headers,
        content=content,
        extensions={
            "timeout": httpx.Timeout(timeout or settings.timeout).as_dict(),
            **_budget(call),
            PATIENCE: timeout or retries.LONGEST_WAIT + _ON_THE_WAY,
        },
    )


def _budget(call: Call[T]) -> dict[str, str]:
    """Tell which of KSeF's limits the request counts against."""
    if call.link:
        return {GROUP: STORAGE}
    group = group_of(call.method, call.path)
    return {GROUP: group, COUNTER: counter_of(group, call.method, call.path)}


def answer_of(call: Call[T], response: httpx.Response) -> Answer:
    """Take what we need of a response that was read to its end."""
    return Answer(
        method=call.method,
        path=call.path,
        status=response.status_code,
        headers=dict(response.headers),
        content=response.content,
        received=time.monotonic(),
    )


def no_answer(error: httpx.HTTPError, what: str, settings: Settings) -> KsefTransportError:
    """
    Tell that no answer came, and whether the request may have been carried out nevertheless.

    :param error: httpx's account of it.
    :param what: names the request, without query.
    :param settings: whom we talked to.
    """
    sent = not isinstance(error, _NOT_SENT)
    reason = f"{type(error).__name__}: {error}".removesuffix(": ")
    return KsefTransportError(
        f"No answer to {what} from {settings.environment.base_url} ({reason}).",
        "It may have been carried out: read its state in KSeF before you repeat it."
        if sent
        else "Check the network, the proxy and the connection's base URL; then try again.",
        sent=sent,
    )
