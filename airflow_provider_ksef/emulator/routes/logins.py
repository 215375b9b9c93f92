"""The logins of a context that are still good: listing and ending them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from airflow_provider_ksef.emulator.access import AnyCaller, Here, LoginCaller
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.paging import (
    ContinuationToken,
    PageSize,
    check_page_size,
    read_position,
    write_position,
)
from airflow_provider_ksef.emulator.routes.auth import describe_login
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/auth/sessions", tags=["Aktywne sesje"])


@router.get("", summary="Pobranie listy aktywnych sesji")
def list_logins(
    caller: AnyCaller, emulator: Here, page_size: PageSize = 10, token: ContinuationToken = None
) -> WireResponse:
    """Active logins of the context, the newest first."""
    check_page_size(page_size, 100)
    start = read_position(token)
    logins = emulator.logins.active(caller.context_identity, emulator.clock.now())
    items = [
        {
            **describe_login(emulator, login),
            "referenceNumber": login.reference,
            "isCurrent": login.reference == caller.login,
        }
        for login in logins[start : start + page_size]
    ]
    following = write_position(start + page_size) if len(logins) > start + page_size else None
    return WireResponse(present(continuationToken=following, items=items))


@router.delete("/current", summary="Unieważnienie aktualnej sesji uwierzytelnienia", status_code=204)
def end_own_login(caller: LoginCaller, emulator: Here) -> Response:
    """End the login of the request itself; its access token stays good until it expires."""
    emulator.logins.revoke(caller.login)
    return Response(status_code=204)


@router.delete("/{referenceNumber}", summary="Unieważnienie sesji uwierzytelnienia", status_code=204)
def end_login(
    reference: Annotated[str, Path(alias="referenceNumber")], caller: AnyCaller, emulator: Here
) -> Response:
    """End another login of the context."""
    login = emulator.logins.get(reference)
    if login is None or login.context != caller.context_identity:
        raise Invalid(f"'referenceNumber' {reference} is not an authentication session of this context.")
    emulator.logins.revoke(reference)
    return Response(status_code=204)
