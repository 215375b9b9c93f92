"""The bearer tokens that the emulator issues: JSON Web Tokens signed by HMAC-SHA256."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import msgspec

_HEADER = {"alg": "HS256", "typ": "JWT"}


class InvalidJwt(Exception):  # noqa: N818  it says what it is
    """A token that the emulator did not issue."""


def issue_jwt(claims: dict[str, Any], secret: bytes) -> str:
    """Write and sign a token."""
    signed = f"{_encode(msgspec.json.encode(_HEADER))}.{_encode(msgspec.json.encode(claims))}"
    return f"{signed}.{_sign(signed, secret)}"


def read_jwt(token: str, secret: bytes) -> dict[str, Any]:
    """
    Read the claims of a token that was signed by ``secret``.

    :raises InvalidJwt: where it was not.
    """
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _sign(signed, secret).encode()):
        raise InvalidJwt
    claims: dict[str, Any] = msgspec.json.decode(_decode(signed.partition(".")[2]))
    return claims


def _sign(signed: str, secret: bytes) -> str:
    return _encode(hmac.digest(secret, signed.encode(), sha256))


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
