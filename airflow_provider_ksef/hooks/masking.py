"""What of a connection's extra Airflow has to keep out of its logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from airflow_provider_ksef.client.credentials import CertificateCredential, Credential

PENDING_FIELD = "pending"
"""In a connection's extra: what a sink keeps there of a secret that is still to come."""
_SHORTEST = 5
"""Airflow masks nothing that is shorter."""


def secrets_of(credential: Credential, extra: Mapping[str, Any]) -> list[str]:
    """
    List the secrets that Airflow does not mask by itself: it takes a PEM as a whole, logs come line by line.

    :param credential: what was read of the connection.
    :param extra: the connection's extra.
    """
    if not isinstance(credential, CertificateCredential):
        return []
    pem = credential.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = (str(extra.get(field) or "") for field in ("private_key", "private_key_password"))
    return _lines(pem, *given)


def pending_secrets(extra: Mapping[str, Any]) -> list[str]:
    """
    List the secrets of what a connection keeps as pending, a token or a private key.

    :param extra: the connection's extra.
    """
    pending = extra.get(PENDING_FIELD)
    if not isinstance(pending, Mapping):
        return []
    token = str(pending.get("token") or "")
    return _lines(token, token.rpartition("|")[2], str(pending.get("private_key") or ""))


def _lines(*texts: str) -> list[str]:
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
