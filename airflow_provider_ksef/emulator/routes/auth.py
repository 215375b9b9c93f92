"""Logging in."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from airflow_provider_ksef.emulator.access import (
    ACCESS,
    LIFETIMES,
    OPERATION,
    REFRESH,
    Here,
    OperationCaller,
    RefreshCaller,
    StatusCaller,
    address_of,
    issue_token,
)
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import permissions_in, permissions_of_token
from airflow_provider_ksef.emulator.errors import ApiError, Invalid, Problem
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.methods import METHODS
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.store.logins import Login
from airflow_provider_ksef.emulator.store.tokens import REVOKED, REVOKING
from airflow_provider_ksef.emulator.token_login import TokenLogin, begin_token_login
from airflow_provider_ksef.emulator.wire import WireResponse, present
from airflow_provider_ksef.emulator.xades_login import begin_xades_login

router = APIRouter(prefix="/auth", tags=["Uzyskiwanie dostępu"])
Reference = Annotated[str, Path(alias="referenceNumber")]

_DESCRIPTIONS = {
    100: "Uwierzytelnianie w toku",
    200: "Uwierzytelnianie zakończone sukcesem",
    415: "Uwierzytelnianie zakończone niepowodzeniem",
    425: "Uwierzytelnienie unieważnione",
    450: "Uwierzytelnianie zakończone niepowodzeniem z powodu błędnego tokenu",
    460: "Uwierzytelnianie zakończone niepowodzeniem z powodu błędu certyfikatu",
    470: "Uwierzytelnianie zakończone niepowodzeniem",
    480: "Uwierzytelnienie zablokowane",
    500: "Nieznany błąd",
    550: "Operacja została anulowana przez system",
}
_LONGEST_DOCUMENT = 1_000_000
_REVOKED = "Uwierzytelnienie i powiązane refresh tokeny zostały unieważnione przez użytkownika"


@router.post("/challenge", summary="Inicjalizacja uwierzytelnienia")
def create_challenge(emulator: Here, request: Request) -> WireResponse:
    """A challenge for one login within ten minutes."""
    now = emulator.clock.now() // 10_000 * 10_000  # whole milliseconds: both members tell the same instant
    challenge = emulator.new_reference("CR")
    emulator.logins.keep_challenge(challenge, now)
    return WireResponse(
        {
            "challenge": challenge,
            "timestamp": format_moment(now),
            "timestampMs": now // 10_000,
            "clientIp": address_of(request),
        }
    )


@router.post("/ksef-token", summary="Uwierzytelnienie z wykorzystaniem tokena KSeF", status_code=202)
def log_in_with_token(body: TokenLogin, emulator: Here) -> WireResponse:
    """Begin a login; whether the token is right is told by its status."""
    return _begun(emulator, begin_token_login(emulator, body))


async def read_xml(request: Request) -> bytes:
    """The body of a request that must be XML."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/xml":
        raise Problem(415, "Unsupported Media Type", "Content-Type must be application/xml.")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LONGEST_DOCUMENT:
            raise Invalid(f"The document must not be longer than {_LONGEST_DOCUMENT} bytes.")
    return bytes(content)


@router.post(
    "/xades-signature",
    summary="Uwierzytelnienie z wykorzystaniem podpisu XAdES",
    status_code=202,
    openapi_extra={
        "requestBody": {"content": {"application/xml": {"schema": {"type": "string"}}}, "required": True}
    },
)
def log_in_with_signature(
    emulator: Here,
    document: Annotated[bytes, Depends(read_xml)],
    must_verify_chain: Annotated[bool, Query(alias="verifyCertificateChain")] = False,
) -> WireResponse:
    """Begin a login; the signature is verified at once, what the signer may do is told by the status."""
    return _begun(emulator, begin_xades_login(emulator, document, must_verify_chain=must_verify_chain))


@router.get("/{referenceNumber}", summary="Pobranie statusu uwierzytelniania")
def get_login_status(reference: Reference, caller: StatusCaller, emulator: Here) -> WireResponse:
    """How far a login has come."""
    return WireResponse(describe_login(emulator, _own_login(emulator, reference, caller.login)))


@router.post("/token/redeem", summary="Pobranie tokenów dostępowych")
def redeem_tokens(caller: OperationCaller, emulator: Here) -> WireResponse:
    """Give access token and refresh token, once."""
    login = _own_login(emulator, caller.login, caller.login)
    code = _code(emulator, login)
    if code != 200:
        raise ApiError(21301, f"Status uwierzytelniania ({code}) nie pozwala na pobranie tokenów.")
    _check_authority(emulator, login)
    refresh_until = emulator.clock.now() + LIFETIMES[REFRESH] * TICKS_PER_SECOND
    if not emulator.logins.redeem(login.reference, refresh_until):
        raise ApiError(21301, f"Tokeny dla operacji uwierzytelniania {login.reference} zostały już pobrane.")
    return WireResponse(
        {
            "accessToken": issue_token(emulator, login, ACCESS),
            "refreshToken": issue_token(emulator, login, REFRESH),
        }
    )


@router.post("/token/refresh", summary="Odświeżenie tokena dostępowego")
def refresh_token(caller: RefreshCaller, emulator: Here) -> WireResponse:
    """Give another access token."""
    login = _own_login(emulator, caller.login, caller.login)
    if login.code != 200:
        detail = f"Status uwierzytelnienia ({login.code}) nie pozwala na odświeżenie tokenu dostępowego."
        raise ApiError(21301, detail)
    _check_authority(emulator, login)
    emulator.logins.note_refresh(login.reference, emulator.clock.now())
    current = replace(login, permissions=_permissions_now(emulator, login))
    return WireResponse({"accessToken": issue_token(emulator, current, ACCESS)})


def describe_login(emulator: Emulator, login: Login) -> dict[str, Any]:
    """The members that a login's status and the list of logins share."""
    code = _code(emulator, login)
    detail = _REVOKED if code == 425 else login.detail
    details = [detail] if detail and code not in (100, 200) else None
    return present(
        startDate=format_moment(login.started),
        authenticationMethod=login.method,
        authenticationMethodInfo=METHODS[login.method].to_json(),
        status=present(code=code, description=_DESCRIPTIONS[code], details=details),
        isTokenRedeemed=login.is_redeemed,
        lastTokenRefreshDate=format_moment(login.refreshed) if login.refreshed else None,
        refreshTokenValidUntil=format_moment(login.refresh_until) if login.refresh_until else None,
    )


def _begun(emulator: Emulator, login: Login) -> WireResponse:
    answer = {
        "referenceNumber": login.reference,
        "authenticationToken": issue_token(emulator, login, OPERATION),
    }
    return WireResponse(answer, status_code=202)


def _check_authority(emulator: Emulator, login: Login) -> None:
    """Give no further tokens once that on which a login rested is gone."""
    token = emulator.tokens.get(login.token) if login.token else None
    if token and token.status_at(emulator.clock.now()) in (REVOKING, REVOKED):
        raise ApiError(21301, "Token KSeF został unieważniony.")
    if login.subject and emulator.taxpayers.is_deceased(Identity.parse(login.subject)):
        raise ApiError(21308)


def _permissions_now(emulator: Emulator, login: Login) -> tuple[str, ...]:
    token = emulator.tokens.get(login.token) if login.token else None
    if token is not None:
        return permissions_of_token(token, emulator.taxpayers, emulator.grants)
    subject = Identity.parse(login.subject or "")
    return permissions_in(login.context, subject, emulator.taxpayers, emulator.grants)


def _code(emulator: Emulator, login: Login) -> int:
    return 100 if emulator.clock.now() < login.ready else login.code


def _own_login(emulator: Emulator, reference: str, own: str) -> Login:
    login = emulator.logins.get(reference) if reference == own else None
    if login is None:
        detail = f"Operacja uwierzytelniania o numerze referencyjnym {reference} nie została znaleziona."
        raise ApiError(21304, detail)
    return login
