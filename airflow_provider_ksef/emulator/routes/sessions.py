"""Sessions and the invoices in them: status and lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from airflow_provider_ksef.emulator.access import Here, SessionLister, SessionReader
from airflow_provider_ksef.emulator.choices import SessionState, SessionType
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.moments import format_metadata_moment, format_moment
from airflow_provider_ksef.emulator.paging import (
    ContinuationToken,
    PageSize,
    check_page_size,
    read_position,
    write_position,
)
from airflow_provider_ksef.emulator.routes.lookup import own_session
from airflow_provider_ksef.emulator.searching import read_moment
from airflow_provider_ksef.emulator.store.session_invoices import SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import Session, SessionFilter
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/sessions", tags=["Status wysyłki i UPO"])
Reference = Annotated[str, Path(alias="referenceNumber")]
Moment = Annotated[str | None, Query(json_schema_extra={"format": "date-time"})]

_MOST = 1000
_BATCH = {
    100: "Sesja wsadowa rozpoczęta",
    150: "Trwa przetwarzanie",
    200: "Sesja wsadowa przetworzona pomyślnie",
    405: "Błąd weryfikacji poprawności dostarczonych elementów paczki",
    415: "Błąd odszyfrowania dostarczonego klucza",
    420: "Przekroczony limit faktur w sesji",
    430: "Błąd dekompresji pierwotnego archiwum",
    435: "Błąd odszyfrowania zaszyfrowanych części archiwum",
    440: "Sesja anulowana",
    445: "Błąd weryfikacji, brak poprawnych faktur",
    500: "Nieznany błąd (500)",
}


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
    """Sessions of the context, the newest first."""
    check_page_size(page_size, _MOST)
    bounds = {
        "created": _range("dateCreated", created_from, created_to),
        "closed": _range("dateClosed", closed_from, closed_to),
        "updated": _range("dateModified", modified_from, modified_to),
    }
    chosen = SessionFilter(session_type, reference, bounds, tuple(statuses or ()))
    start = read_position(token)
    found = emulator.sessions.select(caller.context, chosen, emulator.clock.now(), start, page_size + 1)
    items = [_listed(emulator, session) for session in found[:page_size]]
    following = write_position(start + page_size) if len(found) > page_size else None
    return WireResponse(present(continuationToken=following, sessions=items))


@router.get("/{referenceNumber}", summary="Pobranie statusu sesji")
def get_session(reference: Reference, caller: SessionReader, emulator: Here) -> WireResponse:
    """Status and numbers of one session."""
    session = own_session(emulator, reference, caller)
    return WireResponse({**_described(session), **_counters(session)})


@router.get("/{referenceNumber}/invoices", summary="Pobranie faktur sesji")
def list_invoices(
    reference: Reference,
    caller: SessionReader,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """All invoices of a session, as they were in the package."""
    session = own_session(emulator, reference, caller)
    return _page(emulator, session, page_size, token, only_failed=False)


@router.get("/{referenceNumber}/invoices/failed", summary="Pobranie niepoprawnie przetworzonych faktur sesji")
def list_failed_invoices(
    reference: Reference,
    caller: SessionReader,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """The rejected invoices of a session."""
    session = own_session(emulator, reference, caller)
    return _page(emulator, session, page_size, token, only_failed=True)


@router.get(
    "/{referenceNumber}/invoices/{invoiceReferenceNumber}", summary="Pobranie statusu faktury z sesji"
)
def get_invoice(
    reference: Reference,
    invoice_reference: Annotated[str, Path(alias="invoiceReferenceNumber")],
    caller: SessionReader,
    emulator: Here,
) -> WireResponse:
    """One invoice of a session."""
    session = own_session(emulator, reference, caller)
    invoice = emulator.session_invoices.get(session.reference, invoice_reference)
    if invoice is None:
        detail = (
            f"Faktura o numerze referencyjnym {invoice_reference} w sesji {reference} nie została znaleziona."
        )
        raise ApiError(21405, detail)
    return WireResponse(_invoice(invoice, emulator.clock.now()))


def _range(name: str, start: str | None, end: str | None) -> tuple[int | None, int | None]:
    first = None if start is None else read_moment(f"{name}From", start)
    last = None if end is None else read_moment(f"{name}To", end)
    if first is not None and last is not None and first > last:
        raise Invalid(f"'{name}To' must be greater than or equal to '{name}From'.")
    return first, last


def _page(
    emulator: Emulator, session: Session, page_size: int, token: str | None, *, only_failed: bool
) -> WireResponse:
    check_page_size(page_size, _MOST)
    after = read_position(token)
    found = emulator.session_invoices.select(
        session.reference, after=after, most=page_size + 1, only_failed=only_failed
    )
    now = emulator.clock.now()
    items = [_invoice(invoice, now) for invoice in found[:page_size]]
    following = write_position(found[page_size - 1].ordinal) if len(found) > page_size else None
    return WireResponse(present(continuationToken=following, invoices=items))


def _described(session: Session) -> dict[str, Any]:
    status = present(code=session.code, description=_BATCH[session.code], details=session.details)
    return present(
        status=status,
        dateCreated=format_moment(session.created),
        dateUpdated=format_moment(session.updated),
        validUntil=format_moment(session.valid_until),
    )


def _counters(session: Session) -> dict[str, int]:
    if session.accepted is None or session.rejected is None:
        return {}
    return {
        "invoiceCount": session.accepted + session.rejected,
        "successfulInvoiceCount": session.accepted,
        "failedInvoiceCount": session.rejected,
    }


def _listed(emulator: Emulator, session: Session) -> dict[str, Any]:
    accepted, rejected = session.accepted, session.rejected
    if accepted is None or rejected is None:
        accepted, rejected = emulator.session_invoices.counts(session.reference)
    return {
        "referenceNumber": session.reference,
        **_described(session),
        "totalInvoiceCount": accepted + rejected,
        "successfulInvoiceCount": accepted,
        "failedInvoiceCount": rejected,
    }


def _invoice(invoice: SessionInvoice, now: int) -> dict[str, Any]:
    is_stored = invoice.stored is not None and invoice.stored <= now
    return present(
        ordinalNumber=invoice.ordinal,
        invoiceNumber=invoice.invoice_number,
        ksefNumber=invoice.ksef_number,
        referenceNumber=invoice.reference,
        invoiceHash=invoice.hash,
        invoiceFileName=invoice.file_name,
        acquisitionDate=None if invoice.acquired is None else format_moment(invoice.acquired),
        invoicingDate=format_moment(invoice.invoicing),
        permanentStorageDate=format_metadata_moment(invoice.stored) if invoice.stored and is_stored else None,
        invoicingMode=invoice.mode,
        status=present(
            code=invoice.code,
            description=invoice.description,
            details=invoice.details,
            extensions=invoice.extensions,
        ),
    )
