"""Bearer tokens: how they are issued, and who is allowed what."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import missing_permissions, unauthorized
from airflow_provider_ksef.emulator.jwt import InvalidJwt, issue_jwt, read_jwt
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.store.logins import Login

OPERATION, ACCESS, REFRESH = "OperationToken", "ContextToken", "RefreshToken"
LIFETIMES = {OPERATION: 2700, ACCESS: 900, REFRESH: 7 * 86_400}
_ISSUER = "ksef-api-te"


@dataclass(frozen=True)
class Caller:
    """Who sends a request, and in which context."""

    login: str
    context_type: str
    context_value: str
    permissions: tuple[str, ...]

    @property
    def context(self) -> str:
        return f"{self.context_type}:{self.context_value}"

    @property
    def subject(self) -> str:
        """Who logged in; with a token of the command line that is the context itself."""
        return self.context


def get_emulator(request: Request) -> Emulator:
    """The emulator that serves this request."""
    emulator: Emulator = request.app.state.emulator
    return emulator


Here = Annotated[Emulator, Depends(get_emulator)]


def issue_token(emulator: Emulator, login: Login, kind: str) -> dict[str, str]:
    """Issue one of the three kinds of tokens: its text and until when it is valid."""
    now = emulator.clock.now()
    issued = now // TICKS_PER_SECOND
    expires = issued + LIFETIMES[kind]
    claims = {
        "typ": kind,
        "jti": secrets.token_hex(8),
        "cit": login.context_type,
        "civ": login.context_value,
        "aum": "Token",
        "arn": login.reference,
        "sud": json.dumps({"subjectIdentifier": {"type": login.context_type, "value": login.context_value}}),
        "per": json.dumps(list(login.permissions)),
        "pec": "[]",
        "rol": "[]",
        "pep": "[]",
        "iop": "[]",
        "exp": expires,
        "iat": issued,
        "iss": _ISSUER,
        "aud": _ISSUER,
    }
    return {
        "token": issue_jwt(claims, emulator.secret),
        "validUntil": format_moment(expires * TICKS_PER_SECOND),
    }


def _caller(emulator: Emulator, request: Request, kinds: tuple[str, ...]) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorized()
    try:
        claims = read_jwt(token.strip(), emulator.secret)
    except InvalidJwt:
        raise unauthorized() from None
    if claims["typ"] not in kinds or claims["exp"] * TICKS_PER_SECOND <= emulator.clock.now():
        raise unauthorized()
    if emulator.logins.get(claims["arn"]) is None:
        raise unauthorized()
    return Caller(claims["arn"], claims["cit"], claims["civ"], tuple(json.loads(claims["per"])))


def _bearer(*kinds: str) -> Callable[[Request, Here], Caller]:
    def read(request: Request, emulator: Here) -> Caller:
        return _caller(emulator, request, kinds)

    return read


OperationCaller = Annotated[Caller, Depends(_bearer(OPERATION))]
RefreshCaller = Annotated[Caller, Depends(_bearer(REFRESH))]
LoginCaller = Annotated[Caller, Depends(_bearer(ACCESS, REFRESH))]
AnyCaller = Annotated[Caller, Depends(_bearer(ACCESS))]


def _allowed(*permissions: str) -> Callable[[Caller], Caller]:
    def check(caller: AnyCaller) -> Caller:
        if not {"Owner", *permissions} & set(caller.permissions):
            raise missing_permissions(list(permissions), list(caller.permissions))
        return caller

    return check


Reader = Annotated[Caller, Depends(_allowed("InvoiceRead"))]
Sender = Annotated[Caller, Depends(_allowed("InvoiceWrite", "EnforcementOperations"))]
OnlineSender = Annotated[
    Caller, Depends(_allowed("InvoiceWrite", "PefInvoiceWrite", "EnforcementOperations"))
]
SessionLister = Annotated[Caller, Depends(_allowed("InvoiceWrite", "Introspection", "EnforcementOperations"))]
SessionReader = Annotated[
    Caller, Depends(_allowed("InvoiceWrite", "Introspection", "PefInvoiceWrite", "EnforcementOperations"))
]
CredentialsReader = Annotated[Caller, Depends(_allowed("CredentialsManage", "CredentialsRead"))]
