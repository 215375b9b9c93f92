"""The key of a session or export, derived from the connection's own secret, so that it is stored nowhere."""

from __future__ import annotations

from airflow_provider_ksef.client.crypto import DerivedKey, derive_key
from airflow_provider_ksef.client.settings import Settings


def derived_key(settings: Settings, salt: bytes, *, purpose: str) -> DerivedKey:
    """
    Derive the key of a session or export; any worker with the same connection derives the same one.

    :param settings: whose secret, and in whose name.
    :param salt: from :func:`crypto.new_salt`; one salt for one session or export.
    :param purpose: what the key is for, such as ``batch``.
    """
    context = f"{settings.context.type}:{settings.context.value}"
    return derive_key(settings.credential.secret_bytes, salt, purpose=purpose, context=context)
