"""Sessions and the invoices in them: status and lists."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from airflow_provider_ksef.emulator.access import Here, SessionLister, SessionReader
from airflow_provider_ksef.emulator.choices import SessionState, SessionType
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.expiry import end_expired_sessions
from airflow_provider_ksef.emulator.paging import (
    ContinuationToken,
    PageSize,
    check_page_size,
    read_position,
    write_position,
)
from airflow_provider_ksef.emulator.routes.lookup import own_session, sees_whole_context
from airflow_provider_ksef.emulator.routes.session_bodies import (
    listed_session,
    session_invoice,
    session_status,
)
from airflow_provider_ksef.emulator.searching import read_moment
from airflow_provider_ksef.emulator.store.sessions import Session, SessionFilter
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/sessions", tags=["Status wysyłki i UPO"])
Reference = Annotated[str, Path(alias="referenceNumber")]
Moment = Annotated[str | None, Query(json_schema_extra={"format": "date-time"})]

_MOST = 1000


@router.get("", summary="Pobranie listy sesji")
def list_sessions(
    *,
    caller: SessionLister,
    emulator: Here,
    session_type: Annotated[SessionType, Query(alias="sessionType")],
    page_size: PageSize = 10,
    token: ContinuationToken = None,
    reference: Annotated[str | None, Query(alias="referenceNumber")] = None,
    created_from: Annotated[Moment, Query(alias="dateCreatedFrom")] = None,
    created_to: Annotated[Moment, Query(alias="dateCreatedTo")] = None,
    closed_from: Annotated[Moment, Query(alias="dateClosedFrom")] = None,
    closed_to: Annotated[Moment, Query(alias="dateClosedTo")] = None,
    modified_from: Annotated[Moment, Query(alias="dateModifiedFrom")] = None,
    modified_to: Annotated[Moment, Query(alias="dateModifiedTo")] = None,
    statuses: Annotated[list[SessionState] | None, Query()] = None,
) -> WireResponse:
    """Sessions of the context that the caller may see, the newest first."""
    check_page_size(page_size, _MOST)
    bounds = {
        "created": _range("dateCreated", created_from, created_to),
        "closed": _range("dateClosed", closed_from, closed_to),
        "updated": _range("dateModified", modified_from, modified_to),
    }
    subject = None if sees_whole_context(caller) else caller.subject
    chosen = SessionFilter(session_type, subject, reference, bounds, tuple(statuses or ()))
    start = read_position(token)
    end_expired_sessions(emulator)
    found = emulator.sessions.select(caller.context, chosen, start, page_size + 1)
    items = [listed_session(emulator, session) for session in found[:page_size]]
    following = write_position(start + page_size) if len(found) > page_size else None
    return WireResponse(present(continuationToken=following, sessions=items))


@router.get("/{referenceNumber}", summary="Pobranie statusu sesji")
def get_session(
    reference: Reference, caller: SessionReader, emulator: Here, request: Request
) -> WireResponse:
    """Status, numbers and receipt of one session."""
    session = own_session(emulator, reference, caller)
    return WireResponse(session_status(emulator, request, session))


@router.get("/{referenceNumber}/invoices", summary="Pobranie faktur sesji")
def list_invoices(
    *,
    reference: Reference,
    caller: SessionReader,
    emulator: Here,
    request: Request,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """All invoices of a session, in their order."""
    session = own_session(emulator, reference, caller)
    return _page(emulator, request, session, page_size=page_size, token=token, only_failed=False)


@router.get("/{referenceNumber}/invoices/failed", summary="Pobranie niepoprawnie przetworzonych faktur sesji")
def list_failed_invoices(
    *,
    reference: Reference,
    caller: SessionReader,
    emulator: Here,
    request: Request,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """The rejected invoices of a session."""
    session = own_session(emulator, reference, caller)
    return _page(emulator, request, session, page_size=page_size, token=token, only_failed=True)


@router.get(
    "/{referenceNumber}/invoices/{invoiceReferenceNumber}", summary="Pobranie statusu faktury z sesji"
)
def get_invoice(
    reference: Reference,
    invoice_reference: Annotated[str, Path(alias="invoiceReferenceNumber")],
    caller: SessionReader,
    emulator: Here,
    request: Request,
) -> WireResponse:
    """One invoice of a session."""
    session = own_session(emulator, reference, caller)
    invoice = emulator.session_invoices.get(session.reference, invoice_reference)
    if invoice is None:
        detail = (
            f"Faktura o numerze referencyjnym {invoice_reference} w sesji {reference} nie została znaleziona."
        )
        raise ApiError(21405, detail)
    return WireResponse(session_invoice(emulator, request, session, invoice))


def _range(name: str, start: str | None, end: str | None) -> tuple[int | None, int | None]:
    first = None if start is None else read_moment(f"{name}From", start)
    last = None if end is None else read_moment(f"{name}To", end)
    if first is not None and last is not None and first > last:
        raise Invalid(f"'{name}To' must be greater than or equal to '{name}From'.")
    return first, last


def _page(
    emulator: Emulator,
    request: Request,
    session: Session,
    *,
    page_size: int,
    token: str | None,
    only_failed: bool,
) -> WireResponse:
    check_page_size(page_size, _MOST)
    after = read_position(token)
    found = emulator.session_invoices.select(
        session.reference, after=after, most=page_size + 1, only_failed=only_failed
    )
    items = [session_invoice(emulator, request, session, invoice) for invoice in found[:page_size]]
    following = write_position(found[page_size - 1].ordinal) if len(found) > page_size else None
    return WireResponse(present(continuationToken=following, invoices=items))
