"""Bearer tokens: how they are issued, and who is allowed what."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import spell_out
from airflow_provider_ksef.emulator.errors import address_not_allowed, gone, missing_permissions, unauthorized
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.jwt import InvalidJwt, issue_jwt, read_jwt
from airflow_provider_ksef.emulator.methods import METHODS
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.policies import admits
from airflow_provider_ksef.emulator.store.logins import Login
from airflow_provider_ksef.emulator.wire import present

OPERATION, ACCESS, REFRESH = "AuthenticationToken", "ContextToken", "RefreshToken"
LIFETIMES = {OPERATION: 2700, ACCESS: 900, REFRESH: 7 * 86_400}
_RETENTION = 7 * 86_400 * TICKS_PER_SECOND
_ISSUER = "ksef-api-te"
_SCHEME = HTTPBearer(
    scheme_name="Bearer",
    bearerFormat="JWT",
    description="Access token of a login, as /v2/auth/token/redeem gives it",
    auto_error=False,
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)]


@dataclass(frozen=True)
class Caller:
    """
    Who sends a request, and in which context.

    :param login: reference of the login.
    :param subject: who logged in, e.g. ``Pesel:30112206276``; with a KSeF token that is the token's author.
    :param method: category of how, e.g. ``XadesSignature``.
    :param token: reference of the KSeF token that let in.
    """

    login: str
    context_type: str
    context_value: str
    permissions: tuple[str, ...]
    subject: str
    method: str
    token: str | None

    @property
    def context(self) -> str:
        return str(self.context_identity)

    @property
    def context_identity(self) -> Identity:
        return Identity(self.context_type, self.context_value)


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
        "arn": login.reference,
        **(_rights(login) if kind != OPERATION else {}),
        "exp": expires,
        "iat": issued,
        "iss": _ISSUER,
        "aud": _ISSUER,
    }
    return {
        "token": issue_jwt(claims, emulator.secret),
        "validUntil": format_moment(expires * TICKS_PER_SECOND),
    }


def address_of(request: Request) -> str:
    """Where a request comes from; what is told to the caller and what its policy is held against."""
    return request.client.host if request.client else "127.0.0.1"


def _rights(login: Login) -> dict[str, str]:
    return present(
        aum=login.method,
        sud=login.subject_details,
        per=json.dumps(list(login.permissions)),
        pec="[]",
        rol="[]",
        pep="[]",
        iop="[]",
        ipp=login.policy,
    )


def _claims(
    emulator: Emulator, credentials: HTTPAuthorizationCredentials | None, kinds: tuple[str, ...]
) -> dict[str, Any]:
    if credentials is None:
        raise unauthorized()
    try:
        claims = read_jwt(credentials.credentials.strip(), emulator.secret)
    except InvalidJwt:
        raise unauthorized() from None
    if claims["typ"] not in kinds:
        raise unauthorized()
    return claims


def _caller(emulator: Emulator, request: Request, claims: dict[str, Any]) -> Caller:
    if claims["exp"] * TICKS_PER_SECOND <= emulator.clock.now():
        raise unauthorized()
    login = emulator.logins.get(claims["arn"])
    if login is None:
        raise unauthorized()
    address = address_of(request)
    if not admits(claims.get("ipp"), address):
        raise address_not_allowed(address)
    return Caller(
        login=login.reference,
        context_type=login.context_type,
        context_value=login.context_value,
        permissions=tuple(json.loads(claims.get("per", "[]"))),
        subject=login.subject or "",
        method=METHODS[login.method].category,
        token=login.token,
    )


class Bearer:
    """
    Wants a token of one of some kinds; as a dependency it gives who sends the request.

    :raises Problem: where there is none that is valid.
    """

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds

    def __call__(self, request: Request, emulator: Here, credentials: Credentials) -> Caller:
        return _caller(emulator, request, _claims(emulator, credentials, self._kinds))

    async def check(self, request: Request) -> None:
        """Look at the token of a request that is given up before its endpoint is asked."""
        self(request, get_emulator(request), await _SCHEME(request))


def _read_status_caller(request: Request, emulator: Here, credentials: Credentials) -> Caller:
    """Who asks how a login stands; that it is forgotten is told though the token ran out long before."""
    claims = _claims(emulator, credentials, (OPERATION,))
    login = emulator.logins.get(claims["arn"])
    if login is not None and emulator.clock.now() > login.started + _RETENTION:
        raise gone()
    return _caller(emulator, request, claims)


OperationCaller = Annotated[Caller, Depends(Bearer(OPERATION))]
StatusCaller = Annotated[Caller, Depends(_read_status_caller)]
RefreshCaller = Annotated[Caller, Depends(Bearer(REFRESH))]
LoginCaller = Annotated[Caller, Depends(Bearer(ACCESS, REFRESH))]
AnyCaller = Annotated[Caller, Depends(Bearer(ACCESS))]


def _allowed(*permissions: str) -> Callable[[Caller], Caller]:
    def check(caller: AnyCaller) -> Caller:
        if not spell_out(caller.permissions) & set(permissions):
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
Collector = Annotated[Caller, Depends(_allowed("InvoiceRead", "InvoiceWrite", "CollectiveIdentifierManage"))]
CredentialsReader = Annotated[Caller, Depends(_allowed("CredentialsManage", "CredentialsRead"))]
CredentialsManager = Annotated[Caller, Depends(_allowed("CredentialsManage"))]
SubunitManager = Annotated[Caller, Depends(_allowed("SubunitManage"))]
EuEntityManager = Annotated[Caller, Depends(_allowed("VatUeManage"))]
GrantRevoker = Annotated[Caller, Depends(_allowed("CredentialsManage", "VatUeManage", "SubunitManage"))]
GrantReader = Annotated[Caller, Depends(_allowed("CredentialsManage", "CredentialsRead", "SubunitManage"))]
AuthorizationReader = Annotated[
    Caller, Depends(_allowed("CredentialsManage", "CredentialsRead", "PefInvoiceWrite"))
]
EuEntityReader = Annotated[Caller, Depends(_allowed("CredentialsManage", "CredentialsRead", "VatUeManage"))]
