"""
A secret among the fields of a connection: there is a token or a certificate, never both.

What is pending stands in its extra under one name, which everybody else passes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_ksef.hooks.masking import PENDING_FIELD
from airflow_provider_ksef.operators.pending_secrets import PendingSecret, pending_fields, pending_in
from airflow_provider_ksef.operators.secret_sinks import NewSecret

_CERTIFICATE_FIELDS = ("certificate", "private_key", "private_key_password")


def secret_in(password: str | None, extra: Mapping[str, Any]) -> NewSecret | None:
    """
    Give the secret that a connection holds; None where it holds none.

    :param password: of the connection.
    :param extra: of the connection.
    """
    token = (password or "").strip()
    if token:
        return NewSecret(token=token)
    if extra.get("certificate"):
        key = str(extra.get("private_key") or "")
        return NewSecret(certificate=str(extra["certificate"]), private_key=key)
    return None


def extra_with(extra: Mapping[str, Any], secret: NewSecret) -> dict[str, Any]:
    """
    Put a secret into a connection's extra: a certificate goes there, for a token an old one is taken out.

    :param extra: of the connection; all else in it stays.
    :param secret: the new one.
    """
    kept = {name: value for name, value in extra.items() if name not in _CERTIFICATE_FIELDS}
    if secret.certificate:
        kept |= {"certificate": secret.certificate, "private_key": secret.private_key}
    return kept


def pending_of(extra: Mapping[str, Any], conn_id: str) -> PendingSecret | None:
    """
    Give the pending secret that a connection keeps; None where it keeps none.

    :param extra: of the connection.
    :param conn_id: of the connection, for the error.
    """
    fields = extra.get(PENDING_FIELD)
    return pending_in(fields, f"{PENDING_FIELD!r} in the extra of {conn_id}") if fields else None


def extra_with_pending(extra: Mapping[str, Any], pending: PendingSecret | None) -> dict[str, Any]:
    """
    Put a pending secret into a connection's extra, or take it out.

    :param extra: of the connection; all else in it stays.
    :param pending: None takes it out.
    """
    kept = {name: value for name, value in extra.items() if name != PENDING_FIELD}
    return kept if pending is None else {**kept, PENDING_FIELD: pending_fields(pending)}
