"""How a task must be logged in that makes or revokes credentials."""

from __future__ import annotations

from airflow_provider_ksef.client.credentials import Credential, TokenCredential
from airflow_provider_ksef.exceptions import KsefInputError


def check_certificate_login(credential: Credential, ksef_conn_id: str) -> None:
    """
    Refuse a login by token where KSeF would: it lets no token make another, nor handle certificates.

    :param credential: of the connection.
    :param ksef_conn_id: the connection.
    :raises KsefInputError: where the connection holds a token.
    """
    if isinstance(credential, TokenCredential):
        raise KsefInputError(
            "ksef_conn_id",
            ksef_conn_id,
            "logs in by a KSeF token, and KSeF allows this by certificate only",
            "Give a connection that holds a certificate and its private key.",
        )
