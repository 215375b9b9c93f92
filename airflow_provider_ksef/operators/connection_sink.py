"""Keeping a new secret in an Airflow connection through Airflow's own API, the one way that tasks have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from airflow_provider_ksef._compat import BaseHook
from airflow_provider_ksef.exceptions import KsefError, KsefInputError
from airflow_provider_ksef.operators.connection_secrets import (
    extra_with,
    extra_with_pending,
    pending_of,
    secret_in,
)
from airflow_provider_ksef.operators.pending_secrets import PendingSecret
from airflow_provider_ksef.operators.secret_sinks import NewSecret

_TIMEOUT = 30.0
_LOGIN = "auth/token"
_NO_PASSWORD = " "  # noqa: S105  Airflow's API cannot empty a password; the hook takes blanks for none
_REMEDY = "Let the user of the API's connection edit connections (role Op)."


class AirflowConnectionSink:
    """
    Keep a secret in an Airflow connection of type ``ksef`` that is there: its other fields stay.

    A token goes into its password, a certificate and its key into its extra; what was there of the other kind
    is emptied. A pending secret stands in its extra under ``pending``, until the new one is in force.

    :param conn_id: the connection that gets the secret. It must live in Airflow's database: one of an
        environment variable or a secrets backend goes before it, which is noticed and told.
    :param api_conn_id: a connection of type ``http`` that leads to Airflow's API server: host (and port,
        schema), login and password of a user who may edit connections.
    """

    can_tell = True

    def __init__(self, conn_id: str, api_conn_id: str = "airflow_api") -> None:
        self.conn_id = conn_id
        self._api_conn_id = api_conn_id

    def __repr__(self) -> str:
        return f"AirflowConnectionSink({self.conn_id!r}, api_conn_id={self._api_conn_id!r})"

    def check(self) -> None:
        """Make sure that the API lets us in, and knows the connection."""
        with self._api() as api:
            _told(lambda: api.get(self._path), self.conn_id)

    def read(self) -> NewSecret | None:
        """Give what tasks find in the connection."""
        connection = BaseHook.get_connection(self.conn_id)
        return secret_in(connection.password, connection.extra_dejson)

    def save(self, secret: NewSecret) -> None:
        """Write the connection, and look whether tasks find the secret there."""
        connection = BaseHook.get_connection(self.conn_id)
        extra = extra_with(connection.extra_dejson, secret)
        self._write(connection, extra, {"password": secret.token or _NO_PASSWORD})
        self._check_found(self.read() == secret)

    def read_pending(self) -> PendingSecret | None:
        """Give what tasks find in the connection's extra."""
        return pending_of(BaseHook.get_connection(self.conn_id).extra_dejson, self.conn_id)

    def keep_pending(self, pending: PendingSecret) -> None:
        """Write the connection's extra, and look whether tasks find it there."""
        self._write_pending(pending)

    def drop_pending(self) -> None:
        """Take it out of the connection's extra, and look whether tasks find none."""
        self._write_pending(None)

    def _write_pending(self, pending: PendingSecret | None) -> None:
        connection = BaseHook.get_connection(self.conn_id)
        self._write(connection, extra_with_pending(connection.extra_dejson, pending), {})
        self._check_found(self.read_pending() == pending)

    def _write(self, connection: Any, extra: dict[str, Any], more: dict[str, str]) -> None:
        body = {
            "connection_id": self.conn_id,
            "conn_type": connection.conn_type,
            "extra": json.dumps(extra),
            **more,
        }
        mask = {"update_mask": ["extra", *more]}
        with self._api() as api:
            _told(lambda: api.patch(self._path, params=mask, json=body), self.conn_id)

    def _check_found(self, is_found: bool) -> None:
        if not is_found:
            raise KsefError(
                f"The connection {self.conn_id} was written, and tasks find another secret in it.",
                "It is also in an environment variable or a secrets backend, which goes before: write there.",
            )

    @property
    def _path(self) -> str:
        return f"/api/v2/connections/{quote(self.conn_id, safe='')}"

    def _api(self) -> httpx.Client:
        base_url, login, password = self._address()
        token = _log_in(base_url, login, password)
        return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT)

    def _address(self) -> tuple[str, str, str]:
        connection = BaseHook.get_connection(self._api_conn_id)
        host = (connection.host or "").rstrip("/")
        if not host:
            raise KsefInputError(
                "api_conn_id",
                self._api_conn_id,
                "has no host",
                "Give the address of Airflow's API server, such as http://localhost:8080.",
            )
        if "://" not in host:
            port = f":{connection.port}" if connection.port else ""
            host = f"{connection.schema or 'http'}://{host}{port}"
        return host, connection.login or "", connection.password or ""


def _log_in(base_url: str, login: str, password: str) -> str:
    body = {"username": login, "password": password}
    told = _told(lambda: httpx.post(f"{base_url}/auth/token", json=body, timeout=_TIMEOUT), _LOGIN)
    token = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(token, str):
        raise _no_api(_LOGIN)
    return token


def _told(ask: Callable[[], httpx.Response], what: str) -> Any:
    """Give an answer's content; of a refusal only the status is told, since it may repeat what was sent."""
    try:
        answer = ask()
    except httpx.HTTPError as error:
        raise KsefError(
            f"Airflow's API gives no answer for {what}: {type(error).__name__}.",
            "Check host and port of the API's connection.",
        ) from error
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        remedy = "Make the connection first." if answer.status_code == httpx.codes.NOT_FOUND else _REMEDY
        raise KsefError(f"Airflow's API answers HTTP {answer.status_code} for {what}.", remedy)
    try:
        return answer.json()
    except ValueError:
        raise _no_api(what) from None


def _no_api(what: str) -> KsefError:
    return KsefError(
        f"What answers for {what} is not Airflow's API.",
        "Check host and port of the API's connection, and give https where the API server sends one there.",
    )
