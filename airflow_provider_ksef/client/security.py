"""Reading KSeF's public keys, keeping them, and sending what was encrypted with them."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment
from airflow_provider_ksef.client.calls import Answer, Call, CurrentKey, Flow
from airflow_provider_ksef.client.crypto import SessionKey, base64_text
from airflow_provider_ksef.client.keys import KeyUsage, PublicKey, current_key
from airflow_provider_ksef.exceptions import KsefApiError, KsefIntegrityError

T = TypeVar("T")
KEPT_SECONDS = 4 * 3600.0
"""How long keys are used before they are read again."""
UNKNOWN_KEY = 21470
_CLOCK_TOLERANCE = timedelta(minutes=1)
"""A key that replaced another one at once may begin after the time that the answer's header tells."""


class _Certificate(msgspec.Struct, rename="camel"):
    certificate: str
    certificate_id: str
    public_key_id: str
    valid_from: str
    valid_to: str
    usage: list[str]


def _read_keys(certificates: list[_Certificate]) -> list[PublicKey]:
    return [
        PublicKey(
            id=item.public_key_id,
            certificate_id=item.certificate_id,
            certificate=base64.b64decode(item.certificate),
            usage=frozenset(item.usage),
            valid_from=moment(item.valid_from),
            valid_to=moment(item.valid_to),
        )
        for item in certificates
    ]


_parse_keys = json_parser(list[_Certificate], _read_keys)


def _keys_call(parse: Callable[[Answer], T]) -> Call[T]:
    return Call("GET", "/security/public-key-certificates", parse, needs_login=False, is_safe=True)


def public_keys() -> Call[list[PublicKey]]:
    """Read the public keys that KSeF publishes (``GET /security/public-key-certificates``)."""
    return _keys_call(_parse_keys)


class KeyRing:
    """KSeF's public keys, read when first needed and kept for hours; one ring serves a whole client."""

    def __init__(self) -> None:
        self._keys: list[PublicKey] = []
        self._read_at = 0.0
        self._server_time_then: datetime | None = None

    def current(self, wanted: CurrentKey) -> Flow[PublicKey]:
        """
        Give the current key, reading the keys where they are old, run out, or one was refused.

        :param wanted: the step of a flow.
        :raises KsefIntegrityError: where KSeF publishes no valid key of this usage.
        """
        key = self._known(wanted.usage)
        if key is None or key.id == wanted.refused:
            keys, server_time = yield from _keys_call(
                lambda answer: (_parse_keys(answer), answer.server_time)
            )
            self._keys, self._server_time_then, self._read_at = keys, server_time, time.monotonic()
            key = self._known(wanted.usage)
        if key is None:
            raise KsefIntegrityError(
                f"KSeF publishes no public key for {wanted.usage} that is valid now.",
                "Try again later; KSeF may be changing its keys.",
            )
        return key

    def forget(self) -> None:
        """Read the keys anew when one is needed next: what was encrypted with them could not be decrypted."""
        self._server_time_then = None

    def _known(self, usage: KeyUsage) -> PublicKey | None:
        age = time.monotonic() - self._read_at
        if self._server_time_then is None or age > KEPT_SECONDS:
            return None
        now = self._server_time_then + timedelta(seconds=age)
        return current_key(self._keys, usage, now) or current_key(self._keys, usage, now + _CLOCK_TOLERANCE)


def with_current_key(usage: KeyUsage, make_call: Callable[[PublicKey], Call[T]]) -> Flow[T]:
    """
    Make a call that carries something encrypted; once more where KSeF has withdrawn the key.

    :param usage: what is encrypted.
    :param make_call: encrypts with the key it gets and describes the call.
    """
    key = yield from CurrentKey(usage)
    try:
        return (yield from make_call(key))
    except KsefApiError as error:
        if error.fault.code != UNKNOWN_KEY:
            raise
    key = yield from CurrentKey(usage, refused=key.id)
    return (yield from make_call(key))


def encryption_info(session_key: SessionKey, public_key: PublicKey) -> dict[str, str]:
    """Make ``EncryptionInfo``: the AES key, encrypted for KSeF, and its IV."""
    return {
        "encryptedSymmetricKey": base64_text(public_key.encrypt(session_key.key)),
        "initializationVector": base64_text(session_key.iv),
        "publicKeyId": public_key.id,
    }
