"""A secret among the fields of a connection: there is a token or a certificate, never both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
