"""Judging a login with a KSeF token."""

from __future__ import annotations

import json

from pydantic import model_validator

from airflow_provider_ksef.emulator.admission import Entrant, Refused, conclude_login, use_challenge
from airflow_provider_ksef.emulator.choices import ContextType
from airflow_provider_ksef.emulator.crypto import DecryptionError, decode_base64
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import permissions_of_token
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.keys import TOKEN_ENCRYPTION
from airflow_provider_ksef.emulator.methods import TOKEN
from airflow_provider_ksef.emulator.policies import AuthorizationPolicy
from airflow_provider_ksef.emulator.store.logins import Login
from airflow_provider_ksef.emulator.store.tokens import ACTIVE, REVOKED, REVOKING, Token
from airflow_provider_ksef.emulator.wire import PublicKeyId, WireModel


class ContextIdentifier(WireModel):
    """Whose KSeF it is."""

    type: ContextType
    value: str

    @model_validator(mode="after")
    def _fits_its_type(self) -> ContextIdentifier:
        if not self.identity.is_well_formed:
            raise ValueError(f"{self.value} is not a valid {self.type.value}")
        return self

    @property
    def identity(self) -> Identity:
        return Identity(self.type.value, self.value)


class TokenLogin(WireModel):
    """A login with an encrypted token."""

    challenge: str
    context_identifier: ContextIdentifier
    encrypted_token: str
    public_key_id: PublicKeyId | None = None
    authorization_policy: AuthorizationPolicy | None = None


def begin_token_login(emulator: Emulator, request: TokenLogin) -> Login:
    """
    Judge a login and keep the result.

    :raises ApiError: 21111 for a challenge that is unknown, used or too old, 21470 for an unknown key.
    """
    try:
        encrypted = decode_base64(request.encrypted_token)
    except ValueError:
        raise Invalid("'encryptedToken' is not valid Base64.") from None
    context = request.context_identifier.identity
    with emulator.database.transaction():
        plain = _decrypt(emulator, request, encrypted)
        issued = use_challenge(emulator, request.challenge)
        return conclude_login(
            emulator,
            context,
            TOKEN,
            request.authorization_policy,
            lambda: _recognize(emulator, context, plain, issued),
        )


def _decrypt(emulator: Emulator, request: TokenLogin, encrypted: bytes) -> bytes | None:
    try:
        return emulator.keys.decrypt(TOKEN_ENCRYPTION, encrypted, request.public_key_id)
    except DecryptionError:
        return None


def _recognize(emulator: Emulator, context: Identity, plain: bytes | None, issued: int) -> Entrant:
    if plain is None:
        raise Refused(450, "Nieprawidłowe szyfrowanie tokena")
    try:
        text, separator, moment = plain.decode("utf-8").rpartition("|")
    except UnicodeDecodeError:
        raise Refused(450, "Nieprawidłowe kodowanie tokena") from None
    if not separator or not (moment.isascii() and moment.isdigit()):
        raise Refused(450, "Nieprawidłowe kodowanie tokena")
    if int(moment) != issued // 10_000:
        raise Refused(450, "Nieprawidłowy czas tokena")
    token = _find(emulator, text, context)
    _check_status(emulator, token)
    emulator.tokens.note_use(token.reference, emulator.clock.now())
    subject_details = json.dumps({"subjectIdentifier": token.author.to_json()})
    permissions = permissions_of_token(token, emulator.taxpayers, emulator.grants)
    return Entrant(token.author, subject_details, permissions, token.reference)


def _find(emulator: Emulator, text: str, context: Identity) -> Token:
    known = emulator.tokens.find(text)
    if not known:
        raise Refused(450, "Nieprawidłowy token")
    for token in known:
        if token.context == context:
            return token
    raise Refused(450, f"Token nie może być użyty w kontekście {context.value}")


def _check_status(emulator: Emulator, token: Token) -> None:
    status = token.status_at(emulator.clock.now())
    if status in (REVOKING, REVOKED):
        raise Refused(450, "Token unieważniony")
    if status != ACTIVE:
        raise Refused(450, "Token nieaktywny")
