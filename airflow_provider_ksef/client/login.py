"""The login with a KSeF token or a certificate (KSeF docs: uwierzytelnianie)."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser, moment, nothing
from airflow_provider_ksef.client.auth_request import signed_request
from airflow_provider_ksef.client.calls import Answer, Call, Flow, Pause, Work
from airflow_provider_ksef.client.certificates import check_validity
from airflow_provider_ksef.client.credentials import TokenCredential
from airflow_provider_ksef.client.crypto import base64_text
from airflow_provider_ksef.client.keys import PublicKey
from airflow_provider_ksef.client.security import with_current_key
from airflow_provider_ksef.client.settings import ContextIdentifier, Settings
from airflow_provider_ksef.exceptions import (
    KsefLoginError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)

log = logging.getLogger(__name__)

PATIENCE = 300.0
"""Seconds within which KSeF has to decide about a login."""
_FIRST_PAUSE, _PAUSE_GROWTH, _LONGEST_PAUSE = 0.1, 1.6, 5.0
_MARGIN = 60.0
"""Seconds before its end at which an access token is replaced, at most a fifth of its life."""
_IN_PROGRESS, _DONE = 100, 200
TRANSIENT_CODES = (_IN_PROGRESS, 500, 550)
"""Codes of logins that KSeF has not refused but failed with: the same one may succeed later."""

_REMEDIES = {
    415: "Give the owner of the token or certificate a permission in this context, or use another one.",
    425: "The login was revoked; run the task again, or generate a new token.",
    450: "Check that the connection's password is a whole, active token of this environment and context.",
    460: "Check that the certificate is valid, not revoked, and one that this environment trusts.",
    470: "The login belongs to someone who is recorded as deceased; use another person's.",
    480: "KSeF has blocked this context; ask KSeF's support.",
    500: "Try again later.",
    550: "KSeF broke off; try again.",
}


@dataclass(frozen=True)
class LoginTokens:
    """
    A login's tokens; times in seconds of our monotonic clock, so that a wrong wall clock does no harm.

    :param access: goes with every protected call.
    :param fresh_until: when the access token is to be replaced.
    :param refresh: gets a new access token.
    :param refresh_until: when the refresh token ends.
    :param epoch: KSeF's time at which our monotonic clock would have stood at 0.
    """

    access: str = field(repr=False)
    fresh_until: float
    refresh: str = field(repr=False)
    refresh_until: float
    epoch: datetime


class _Challenge(msgspec.Struct, rename="camel"):
    challenge: str
    timestamp_ms: int

    @property
    def time(self) -> datetime:
        """KSeF's time."""
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.timestamp_ms)


class _Token(msgspec.Struct, rename="camel"):
    token: str
    valid_until: str

    def __repr__(self) -> str:
        return f"<token until {self.valid_until}>"


class _Init(msgspec.Struct, rename="camel"):
    reference_number: str
    authentication_token: _Token


class _Status(msgspec.Struct):
    status: StatusInfo


class _Tokens(msgspec.Struct, rename="camel"):
    access_token: _Token
    refresh_token: _Token | None = None


@dataclass(frozen=True)
class _Dated:
    """An answer's tokens and when they came."""

    access: _Token
    refresh: _Token | None
    received: float


def log_in(settings: Settings) -> Flow[LoginTokens]:
    """
    Challenge, encrypted token or signed request, waiting for the decision, redeeming.

    :param settings: context and credential.
    :raises KsefInputError: where the certificate is not valid at KSeF's time.
    :raises KsefLoginError: where KSeF refuses; KSeF's sub-cause is in ``details``.
    :raises KsefTimeoutError: where KSeF does not decide.
    """
    challenge, received = yield from _CHALLENGE
    try:
        return (yield from _answer(settings, challenge, received))
    except (KsefTransportError, KsefUnavailableError) as error:
        log.info("The login was broken off, beginning another one: %s", error)
    challenge, received = yield from _CHALLENGE
    return (yield from _answer(settings, challenge, received))


def _answer(settings: Settings, challenge: _Challenge, received: float) -> Flow[LoginTokens]:
    context = settings.context
    init = yield from _begin(settings, challenge)
    bearer = _bearer(init.authentication_token.token)
    who = f"Login as {context.type} {context.value} ({init.reference_number})"
    yield from _wait_for_decision(who, f"/auth/{init.reference_number}", bearer)
    dated = yield from Call("POST", "/auth/token/redeem", _parse_tokens, headers=bearer, needs_login=False)
    epoch = challenge.time - timedelta(seconds=received)
    refresh = dated.refresh or _Token("", "1970-01-01T00:00:00+00:00")
    tokens = LoginTokens("", 0.0, refresh.token, _until(refresh, epoch), epoch)
    log.info("%s: done, KSeF accepts the access token until %s.", who, dated.access.valid_until)
    return _with_access(tokens, dated)


def refresh_access(tokens: LoginTokens) -> Flow[LoginTokens]:
    """
    Get a new access token (``POST /auth/token/refresh``).

    :param tokens: of the login.
    :raises KsefApiError: where the login was revoked or has run out.
    """
    call = Call(
        "POST",
        "/auth/token/refresh",
        _parse_tokens,
        headers=_bearer(tokens.refresh),
        needs_login=False,
        is_safe=True,
    )
    dated = yield from call
    log.info("KSeF gave a new access token, valid until %s.", dated.access.valid_until)
    return _with_access(tokens, dated)


def log_out(tokens: LoginTokens) -> Call[None]:
    """
    End the login session, so that its refresh token dies (``DELETE /auth/sessions/current``).

    :param tokens: of the login.
    """
    alive = tokens.access if time.monotonic() < tokens.fresh_until else tokens.refresh
    headers = _bearer(alive)
    return Call("DELETE", "/auth/sessions/current", nothing, headers=headers, needs_login=False)


def _begin(settings: Settings, challenge: _Challenge) -> Flow[_Init]:
    credential = settings.credential
    if isinstance(credential, TokenCredential):
        return (
            yield from with_current_key(
                "KsefTokenEncryption",
                lambda key: _token_call(credential, settings.context, challenge, key),
            )
        )
    check_validity(credential.certificate, challenge.time)
    signed = yield from Work(
        partial(signed_request, credential, settings.context, challenge.challenge, challenge.time)
    )
    return (yield from Call("POST", "/auth/xades-signature", _parse_init, body=signed, needs_login=False))


def _token_call(
    credential: TokenCredential, context: ContextIdentifier, challenge: _Challenge, key: PublicKey
) -> Call[_Init]:
    plain = credential.secret_bytes + f"|{challenge.timestamp_ms}".encode()
    body = {
        "challenge": challenge.challenge,
        "contextIdentifier": {"type": context.type, "value": context.value},
        "encryptedToken": base64_text(key.encrypt(plain)),
        "publicKeyId": key.id,
    }
    return Call("POST", "/auth/ksef-token", _parse_init, body=body, needs_login=False)


def _wait_for_decision(who: str, path: str, bearer: dict[str, str]) -> Flow[None]:
    call = Call("GET", path, _parse_status, headers=bearer, needs_login=False, is_safe=True)
    pause = _FIRST_PAUSE
    status, started = yield from call
    while status.code == _IN_PROGRESS:
        yield from Pause(pause)
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE)
        status, now = yield from call
        if status.code == _IN_PROGRESS and now - started > PATIENCE:
            raise KsefTimeoutError(f"{who} is not decided after {PATIENCE:.0f} s.", "Try again later.")
    if status.code != _DONE:
        details = tuple(status.details or ())
        remedy = _REMEDIES.get(status.code, "Look the code up in KSeF's documentation of logins.")
        raise KsefLoginError(who, status.code, status.description, details, remedy)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _with_access(tokens: LoginTokens, dated: _Dated) -> LoginTokens:
    until = _until(dated.access, tokens.epoch)
    margin = min(_MARGIN, (until - dated.received) / 5)
    return replace(tokens, access=dated.access.token, fresh_until=until - margin)


def _until(token: _Token, epoch: datetime) -> float:
    return (moment(token.valid_until) - epoch).total_seconds()


_read_challenge = json_parser(_Challenge, lambda challenge: challenge)
_read_tokens = json_parser(_Tokens, lambda tokens: tokens)
_parse_init = json_parser(_Init, lambda init: init)
_read_status = json_parser(_Status, lambda answer: answer.status)


def _parse_challenge(answer: Answer) -> tuple[_Challenge, float]:
    return _read_challenge(answer), answer.received


def _parse_status(answer: Answer) -> tuple[StatusInfo, float]:
    return _read_status(answer), answer.received


def _parse_tokens(answer: Answer) -> _Dated:
    tokens = _read_tokens(answer)
    return _Dated(tokens.access_token, tokens.refresh_token, answer.received)


_CHALLENGE = Call("POST", "/auth/challenge", _parse_challenge, needs_login=False, is_safe=True)
