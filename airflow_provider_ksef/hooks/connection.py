"""From the fields of an Airflow connection to the client's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from airflow_provider_ksef.client import ENVIRONMENTS, ContextIdentifier, Settings, TokenCredential
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.credentials import (
    AUTH_SCHEMA_VERSIONS,
    SUBJECT_IDENTIFIER_TYPES,
    CertificateCredential,
    Credential,
)
from airflow_provider_ksef.client.settings import Environment, environment_at
from airflow_provider_ksef.exceptions import KsefInputError

DEFAULT_TIMEOUT_SECONDS = 30.0
_CONTEXT_IN_TOKEN = {"nip": "Nip", "internalId": "InternalId"}


class ConnectionFields(Protocol):
    """What we read of an Airflow connection."""

    conn_id: str
    login: str | None
    password: str | None
    host: str | None
    extra: str | None


def settings_from_connection(
    connection: ConnectionFields, extra: Mapping[str, Any], context_identifier: str | None = None
) -> Settings:
    """
    Check a connection and turn it into settings; nothing is sent.

    :param connection: the connection; login is the context identifier, password the KSeF token where there
        is no certificate, host a base URL for anything but the three known environments.
    :param extra: the connection's extra as a mapping; holds the certificate and its key.
    :param context_identifier: used in place of the connection's login.
    :raises KsefInputError: where a field is missing or wrong; names the field, never a secret's value.
    """
    _check_extra(connection.extra)
    context = _context(connection, extra, context_identifier)
    credential = _credential(connection, extra)
    if isinstance(credential, TokenCredential):
        _check_context_of(credential, context, connection.conn_id)
    return Settings(
        environment=_environment(connection.host, extra),
        context=context,
        credential=credential,
        timeout=_timeout(extra),
    )


def _check_extra(extra: str | None) -> None:
    """Airflow takes an extra that it cannot read for an empty one, which would mean TEST."""
    try:
        is_object = not extra or isinstance(json.loads(extra), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise KsefInputError(
            "extra", None, "is not a JSON object", 'Give one such as {"environment": "test"}.'
        )


def _environment(host: str | None, extra: Mapping[str, Any]) -> Environment:
    named = _text(extra, "environment")
    name = named or "test"
    if name not in ENVIRONMENTS:
        known = ", ".join(ENVIRONMENTS)
        raise KsefInputError(
            "environment",
            name,
            "is not an environment of KSeF",
            f"Set the connection's environment to one of: {known}; or give a base URL as host.",
        )
    if not host:
        return ENVIRONMENTS[name]
    url = host.rstrip("/")
    if "@" in url:
        raise KsefInputError(
            "host",
            url.rpartition("@")[2],
            "has a user or password before it",
            "Leave them out: the NIP is the connection's login, the KSeF token its password.",
        )
    known_by_url = {environment.base_url: environment for environment in ENVIRONMENTS.values()}
    return known_by_url.get(url) or environment_at(url, ENVIRONMENTS[name], is_assumed=not named)


def _context(
    connection: ConnectionFields, extra: Mapping[str, Any], context_identifier: str | None
) -> ContextIdentifier:
    given = connection.login if context_identifier is None else context_identifier
    value = (given or "").strip()
    if context_identifier is not None and not value:
        raise KsefInputError(
            "context_identifier",
            context_identifier,
            "is empty, so it is not known in whose name",
            "Give the identifier, such as a NIP, or leave it out to use the connection's login.",
        )
    if not value:
        raise KsefInputError(
            "login",
            connection.login,
            f"connection {connection.conn_id} has no context identifier",
            "Put the NIP of the company into the connection's login, or pass context_identifier.",
        )
    return ContextIdentifier(_text(extra, "context_type") or "Nip", value)


def _credential(connection: ConnectionFields, extra: Mapping[str, Any]) -> Credential:
    """Take the token or the certificate, whichever is filled in."""
    token = (connection.password or "").strip()
    certificate = _text(extra, "certificate")
    if certificate and token:
        raise KsefInputError(
            "certificate",
            None,
            f"connection {connection.conn_id} has a KSeF token as well, in its password",
            "Leave one of the two empty: KSeF takes a token or a certificate.",
        )
    if certificate:
        return _certificate(certificate, extra)
    if _text(extra, "private_key"):
        raise KsefInputError(
            "certificate",
            None,
            f"connection {connection.conn_id} has a private key and no certificate",
            "Give the certificate that belongs to the key, or empty private_key to log in with a KSeF token.",
        )
    if not token:
        raise KsefInputError(
            "password",
            None,
            f"connection {connection.conn_id} has no KSeF token and no certificate",
            "Put a KSeF token into the password (Aplikacja Podatnika makes them), or give a certificate.",
        )
    return TokenCredential(token)


def _check_context_of(credential: TokenCredential, context: ContextIdentifier, conn_id: str) -> None:
    """A KSeF token is of one context, and names it: ``<reference>|nip-<NIP>|<secret>``."""
    _, _, rest = credential.token.strip().partition("|")
    kind, _, value = rest.partition("|")[0].partition("-")
    if _CONTEXT_IN_TOKEN.get(kind) == context.type and value != context.value:
        raise KsefInputError(
            "context_identifier",
            context.value,
            f"the KSeF token of connection {conn_id} is of {value} and works nowhere else",
            "Give each company a connection with its own token, or use a certificate that has permissions in "
            "all of them.",
        )


def _certificate(certificate: str, extra: Mapping[str, Any]) -> CertificateCredential:
    return read_certificate(
        certificate,
        _text(extra, "private_key"),
        _given(extra, "private_key_password"),
        subject_identifier_type=_text(extra, "subject_identifier_type") or SUBJECT_IDENTIFIER_TYPES[0],
        auth_schema_version=_text(extra, "auth_schema_version") or AUTH_SCHEMA_VERSIONS[0],
    )


def _text(extra: Mapping[str, Any], field: str) -> str:
    return _given(extra, field).strip()


def _given(extra: Mapping[str, Any], field: str) -> str:
    value = extra.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KsefInputError(field, type(value).__name__, "is not a text", "Put it into quotation marks.")
    return value


def _timeout(extra: Mapping[str, Any]) -> float:
    given = extra.get("timeout")
    try:
        seconds = float(DEFAULT_TIMEOUT_SECONDS if given in (None, "") else given)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise KsefInputError(
            "timeout", given, "is not a number of seconds", "Give seconds over 0, such as 30."
        )
    return seconds
