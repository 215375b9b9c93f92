"""Where to talk to, for whom, and with which secret."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from airflow_provider_ksef.client import identifiers
from airflow_provider_ksef.client.credentials import Credential
from airflow_provider_ksef.exceptions import KsefInputError


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        is_bare = url.hostname and url.port != 0 and not (url.query or url.fragment)
    except ValueError:
        return False
    return bool(is_bare) and url.scheme in ("http", "https") and url.path.endswith("/v2")


@dataclass(frozen=True)
class Environment:
    """
    One of KSeF's environments, or an emulator.

    :param name: ``test``, ``demo``, ``production``, or another one for a base URL of one's own.
    :param base_url: the API's base URL, http(s), ending in ``/v2``.
    :param qr_url: base of the verification links.
    :param is_assumed: whether nobody has said which environment an address of one's own stands for.
    :raises KsefInputError: where the base URL is none of KSeF API 2.0.
    """

    name: str
    base_url: str
    qr_url: str
    is_assumed: bool = False

    def __post_init__(self) -> None:
        if not _is_base_url(self.base_url):
            raise KsefInputError(
                "host",
                self.base_url,
                "is not a base URL of the KSeF API 2.0",
                "Give a URL that ends in /v2, such as http://127.0.0.1:8089/v2, or leave host empty.",
            )

    @property
    def app_url(self) -> str:
        """Aplikacja Podatnika, KSeF's own application for people; empty where there is none."""
        return _APPS.get(self.base_url, "")

    @property
    def latarnia_url(self) -> str:
        """Base of Latarnia, the public service that says how KSeF is; an emulator's is beside its API."""
        return _LATARNIA.get(self.base_url) or f"{self.base_url.removesuffix('/v2')}/latarnia"


ENVIRONMENTS = {
    "test": Environment("test", "https://api-test.ksef.mf.gov.pl/v2", "https://qr-test.ksef.mf.gov.pl"),
    "demo": Environment("demo", "https://api-demo.ksef.mf.gov.pl/v2", "https://qr-demo.ksef.mf.gov.pl"),
    "production": Environment("production", "https://api.ksef.mf.gov.pl/v2", "https://qr.ksef.mf.gov.pl"),
}
"""KSeF's three environments (KSeF docs: srodowiska)."""
_APPS = {
    ENVIRONMENTS["test"].base_url: "https://ap-test.ksef.mf.gov.pl/web/",
    ENVIRONMENTS["demo"].base_url: "https://ap-demo.ksef.mf.gov.pl/web/",
    ENVIRONMENTS["production"].base_url: "https://ap.ksef.mf.gov.pl/web/",
}
_LATARNIA = {
    ENVIRONMENTS["test"].base_url: "https://api-latarnia-test.ksef.mf.gov.pl",
    ENVIRONMENTS["demo"].base_url: "https://api-latarnia-test.ksef.mf.gov.pl",
    ENVIRONMENTS["production"].base_url: "https://api-latarnia.ksef.mf.gov.pl",
}


def environment_at(base_url: str, like: Environment, *, is_assumed: bool = False) -> Environment:
    """
    Make an environment of a base URL of one's own: an emulator, or a proxy.

    Its name holds the host, so that tables of two hosts are told apart; an emulator may change its port.

    :param like: the environment that it stands for.
    :param is_assumed: whether nobody has said that it stands for that one.
    :raises KsefInputError: where the base URL is none of KSeF API 2.0.
    """
    host = urlsplit(base_url).hostname if _is_base_url(base_url) else None
    return Environment(f"{like.name}:{host}", base_url, like.qr_url, is_assumed)


_CONTEXT_CHECKS: dict[str, Callable[[str], bool]] = {
    "InternalId": identifiers.is_internal_id,
    "NipVatUe": identifiers.is_nip_vat_ue,
    "PeppolId": identifiers.is_peppol_id,
}


@dataclass(frozen=True)
class ContextIdentifier:
    """
    The company, or part of one, in whose name we act.

    :param type: ``Nip``, ``InternalId``, ``NipVatUe`` or ``PeppolId``.
    :param value: the identifier.
    :raises KsefInputError: where the type is unknown or the value does not fit it.
    """

    type: str
    value: str

    def __post_init__(self) -> None:
        if self.type == "Nip":
            identifiers.check_nip(self.value)
        elif self.type not in _CONTEXT_CHECKS:
            known = ", ".join(("Nip", *_CONTEXT_CHECKS))
            raise KsefInputError(
                "context_type", self.type, "is not a context type of KSeF", f"Give one of: {known}."
            )
        elif not _CONTEXT_CHECKS[self.type](self.value):
            raise KsefInputError(
                "login",
                self.value,
                f"is not an identifier of type {self.type}, or its checksum is wrong",
                "Give the identifier as KSeF shows it, or set context_type to its real type.",
            )


@dataclass(frozen=True)
class Settings:
    """
    All that a client needs.

    :param environment: where KSeF is.
    :param context: in whose name we act.
    :param credential: the secret, a KSeF token or a certificate with its key.
    :param timeout: seconds to wait for an answer, for a connection, and between two blocks of one.
    :raises KsefInputError: where the timeout is not a positive number.
    """

    environment: Environment
    context: ContextIdentifier
    credential: Credential
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.timeout < math.inf:
            raise KsefInputError(
                "timeout", self.timeout, "is not a number of seconds", "Give seconds over 0, such as 30."
            )
