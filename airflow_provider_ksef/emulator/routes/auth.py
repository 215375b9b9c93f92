"""Logging in with a KSeF token."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from airflow_provider_ksef.emulator.access import (
    ACCESS,
    LIFETIMES,
    OPERATION,
    REFRESH,
    Here,
    OperationCaller,
    RefreshCaller,
    issue_token,
)
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, gone
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.store.logins import Login
from airflow_provider_ksef.emulator.token_login import TokenLogin, begin_login
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/auth", tags=["Uzyskiwanie dostępu"])
Reference = Annotated[str, Path(alias="referenceNumber")]

_RETENTION = 7 * 86_400 * TICKS_PER_SECOND
_DESCRIPTIONS = {
    100: "Uwierzytelnianie w toku",
    200: "Uwierzytelnianie zakończone sukcesem",
    425: "Uwierzytelnienie unieważnione",
    450: "Uwierzytelnianie zakończone niepowodzeniem z powodu błędnego tokenu",
}
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
            "clientIp": request.client.host if request.client else "127.0.0.1",
        }
    )


@router.post("/ksef-token", summary="Uwierzytelnienie z wykorzystaniem tokena KSeF", status_code=202)
def log_in_with_token(body: TokenLogin, emulator: Here) -> WireResponse:
    """Begin a login; whether the token is right is told by its status."""
    login = begin_login(emulator, body)
    answer = {
        "referenceNumber": login.reference,
        "authenticationToken": issue_token(emulator, login, OPERATION),
    }
    return WireResponse(answer, status_code=202)


@router.get("/{referenceNumber}", summary="Pobranie statusu uwierzytelniania")
def get_login_status(reference: Reference, caller: OperationCaller, emulator: Here) -> WireResponse:
    """How far a login has come."""
    login = _own_login(emulator, reference, caller.login)
    if emulator.clock.now() > login.started + _RETENTION:
        raise gone()
    return WireResponse(describe_login(emulator, login))


@router.post("/token/redeem", summary="Pobranie tokenów dostępowych")
def redeem_tokens(caller: OperationCaller, emulator: Here) -> WireResponse:
    """Give access token and refresh token, once."""
    login = _own_login(emulator, caller.login, caller.login)
    code = _code(emulator, login)
    if code != 200:
        raise ApiError(21301, f"Status uwierzytelniania ({code}) nie pozwala na pobranie tokenów.")
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
        detail = f"Status uwierzytelniania ({login.code}) nie pozwala na odświeżenie tokenu dostępowego."
        raise ApiError(21301, detail)
    emulator.logins.note_refresh(login.reference, emulator.clock.now())
    return WireResponse({"accessToken": issue_token(emulator, login, ACCESS)})


def describe_login(emulator: Emulator, login: Login) -> dict[str, Any]:
    """The members that a login's status and the list of logins share."""
    code = _code(emulator, login)
    detail = _REVOKED if code == 425 else login.detail
    details = [detail] if detail and code not in (100, 200) else None
    return present(
        startDate=format_moment(login.started),
        authenticationMethod="Token",
        authenticationMethodInfo={"category": "Token", "code": "token.ksef", "displayName": "Token KSeF"},
        status=present(code=code, description=_DESCRIPTIONS[code], details=details),
        isTokenRedeemed=login.is_redeemed,
        lastTokenRefreshDate=format_moment(login.refreshed) if login.refreshed else None,
        refreshTokenValidUntil=format_moment(login.refresh_until) if login.refresh_until else None,
    )


def _code(emulator: Emulator, login: Login) -> int:
    return 100 if emulator.clock.now() < login.ready else login.code


def _own_login(emulator: Emulator, reference: str, own: str) -> Login:
    login = emulator.logins.get(reference) if reference == own else None
    if login is None:
        detail = f"Operacja uwierzytelniania o numerze referencyjnym {reference} nie została znaleziona."
        raise ApiError(21304, detail)
    return login
