"""Pre-signed links: whoever has one may use it until it expires, without a token."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlencode

from fastapi import Request

from airflow_provider_ksef.emulator.moments import format_error_moment, parse_moment

READ, WRITE = "r", "w"


class LinkRefused(Exception):  # noqa: N818  it says what happened
    """A link that is tampered with or has expired."""


class Links:
    """
    Signs links and checks them.

    :param secret: key of the signature.
    :param public_url: origin of the links; without it that of the request that asks for them.
    """

    def __init__(self, secret: bytes, public_url: str | None) -> None:
        self._secret = secret
        self._public_url = public_url

    def sign(self, request: Request, path: str, permission: str, start: int, end: int) -> str:
        """
        Give the URL by which a path may be used until ``end``, in ticks.

        :param permission: :data:`READ` or :data:`WRITE`.
        """
        origin = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        query = {
            "sv": "2025-01-05",
            "st": format_error_moment(start),
            "se": format_error_moment(end),
            "sr": "b",
            "sp": permission,
        }
        return f"{origin}{path}?{urlencode({**query, 'sig': self._signature(path, query)})}"

    def check(self, path: str, query: Mapping[str, str], permission: str, now: int) -> None:
        """
        Check that a link was issued for this use and has not expired.

        :raises LinkRefused: otherwise.
        """
        signed = {name: value for name, value in query.items() if name != "sig"}
        given = query.get("sig", "").encode()
        if not hmac.compare_digest(given, self._signature(path, signed).encode()):
            raise LinkRefused("Signature did not match.")
        if signed["sp"] != permission:
            raise LinkRefused("Signature does not allow this operation.")
        if now > parse_moment(signed["se"]):
            raise LinkRefused(f"Signature not valid in the specified time frame: Expiry [{signed['se']}]")

    def _signature(self, path: str, query: Mapping[str, str]) -> str:
        signed = f"{path}?{urlencode(query)}".encode()
        return urlsafe_b64encode(hmac.digest(self._secret, signed, sha256)).decode("ascii")
