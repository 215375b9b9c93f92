"""What of a connection's certificate Airflow has to keep out of its logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from airflow_provider_ksef.client.credentials import CertificateCredential, Credential

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
    lines = [line.strip() for text in (pem, *given) for line in text.splitlines()]
    return [line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----")]
