"""Pre-signed links to KSeF's storage: whoever has one may use it, so they are handled like secrets."""

from __future__ import annotations

import logging

import httpx

from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.exceptions import KsefIntegrityError


def check_link(environment: Environment, link: str) -> str:
    """
    Give the link back as an absolute URL, after a look at where it leads.

    KSeF's links lead to the host of its API (KSeF docs: srodowiska). The port may differ, as an emulator's
    does behind a proxy.

    :param environment: where we are logged in.
    :param link: absolute, or relative to the base URL; one to the environment's Latarnia is ours.
    :raises KsefIntegrityError: where it leads elsewhere, or from https to http.
    """
    if link.startswith(f"{environment.latarnia_url}/"):
        return link
    ours = httpx.URL(environment.base_url)
    try:
        theirs = ours.join(link)
    except httpx.InvalidURL:
        theirs = httpx.URL()
    if theirs.host != ours.host or theirs.scheme not in (ours.scheme, "https"):
        raise KsefIntegrityError(
            f"KSeF gave a link to {theirs.scheme}://{theirs.host}, but its host is {ours.scheme}://{ours.host}.",
            "Nothing was sent there. Check the base URL, and what stands between you and KSeF; an emulator "
            "takes the origin of its links from --public-url.",
        )
    return str(theirs)


class _WithoutSignature(logging.Filter):
    """httpx logs every URL; the query of a pre-signed one is its secret part."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_shown(value) for value in record.args)
        return True


def _shown(value: object) -> object:
    if isinstance(value, httpx.URL) and "sig" in value.params:
        return value.copy_with(query=None)
    return value


def keep_signatures_out_of_logs() -> None:
    """Let httpx log pre-signed URLs without their query."""
    logger = logging.getLogger("httpx")
    if not any(isinstance(known, _WithoutSignature) for known in logger.filters):
        logger.addFilter(_WithoutSignature())
