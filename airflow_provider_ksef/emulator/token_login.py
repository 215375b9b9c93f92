"""Judging a login with a KSeF token."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from airflow_provider_ksef.emulator.choices import ContextType
from airflow_provider_ksef.emulator.crypto import DecryptionError, decode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.keys import TOKEN_ENCRYPTION
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.numbers import read_token_reference
from airflow_provider_ksef.emulator.store.logins import Login, Token
from airflow_provider_ksef.emulator.wire import PublicKeyId, WireModel

_CHALLENGE_LIFE = 600 * TICKS_PER_SECOND
_Addresses = Annotated[list[str], Field(max_length=10)]


class ContextIdentifier(WireModel):
    """Whose KSeF it is."""

    type: ContextType
    value: str


class AllowedIps(WireModel):
    """From where the tokens may be used."""

    ip4_addresses: _Addresses | None = None
    ip4_ranges: _Addresses | None = None
    ip4_masks: _Addresses | None = None


class AuthorizationPolicy(WireModel):
    """How the tokens may be used."""

    allowed_ips: AllowedIps | None = None


class TokenLogin(WireModel):
    """A login with an encrypted token."""

    challenge: str
    context_identifier: ContextIdentifier
    encrypted_token: str
    public_key_id: PublicKeyId | None = None
    authorization_policy: AuthorizationPolicy | None = None


class _Refused(Exception):  # noqa: N818  it says what happened
    """The token does not let in; its text is KSeF's."""


def begin_login(emulator: Emulator, request: TokenLogin) -> Login:
    """
    Judge a login and keep the result.

    :raises ApiError: 21111 for a challenge that is unknown, used or too old, 21470 for an unknown key.
    """
    try:
        encrypted = decode_base64(request.encrypted_token)
    except ValueError:
        raise Invalid("'encryptedToken' is not valid Base64.") from None
    now = emulator.clock.now()
    with emulator.database.transaction():
        verdict = _judge(emulator, request, encrypted)
        issued = emulator.logins.take_challenge(request.challenge)
        if issued is None or now > issued + _CHALLENGE_LIFE:
            raise ApiError(21111)
        code, detail, token = 200, None, None
        try:
            token = _identify(emulator, request, verdict, issued)
        except _Refused as refused:
            code, detail = 450, str(refused)
        login = Login(
            reference=emulator.new_reference("AU"),
            context_type=request.context_identifier.type,
            context_value=request.context_identifier.value,
            started=now,
            ready=now + round(emulator.settings.delay * TICKS_PER_SECOND),
            code=code,
            detail=detail,
            permissions=token.permissions if token else (),
            token_reference=read_token_reference(token.value) if token else None,
        )
        emulator.logins.add(login)
    return login


def _judge(emulator: Emulator, request: TokenLogin, encrypted: bytes) -> bytes | None:
    try:
        return emulator.keys.decrypt(TOKEN_ENCRYPTION, encrypted, request.public_key_id)
    except DecryptionError:
        return None


def _identify(emulator: Emulator, request: TokenLogin, plain: bytes | None, issued: int) -> Token:
    if plain is None:
        raise _Refused("Nieprawidłowe szyfrowanie tokena")
    try:
        value, separator, moment = plain.decode("utf-8").rpartition("|")
    except UnicodeDecodeError:
        raise _Refused("Nieprawidłowe kodowanie tokena") from None
    if not separator or not moment.isdigit():
        raise _Refused("Nieprawidłowe kodowanie tokena")
    if int(moment) != issued // 10_000:
        raise _Refused("Nieprawidłowy czas tokena")
    known = emulator.logins.tokens(value)
    if not known:
        raise _Refused("Nieprawidłowy token")
    wanted = (request.context_identifier.type, request.context_identifier.value)
    for token in known:
        if (token.context_type, token.context_value) == wanted:
            return token
    raise _Refused(f"Token nie może być użyty w kontekście {wanted[1]}")
