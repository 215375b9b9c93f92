"""How sessions and their invoices are told."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.links import READ
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_metadata_moment, format_moment
from airflow_provider_ksef.emulator.store.session_invoices import ACCEPTED, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import ONLINE, Session
from airflow_provider_ksef.emulator.wire import present

_LINK_LIFE = 3 * 86_400 * TICKS_PER_SECOND
_ONLINE = {
    100: "Sesja interaktywna otwarta",
    170: "Sesja interaktywna zamknięta",
    200: "Sesja interaktywna przetworzona pomyślnie",
    415: "Błąd odszyfrowania dostarczonego klucza",
    440: "Sesja anulowana",
    445: "Błąd weryfikacji, brak poprawnych faktur",
}
_READ_THROUGH = (200, 440, 445)
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
}


def describe_session(session: Session) -> dict[str, Any]:
    """The members that a session's status and the list of sessions share."""
    texts = _ONLINE if session.kind == ONLINE else _BATCH
    text = texts.get(session.code, f"Nieznany błąd ({session.code})")
    return present(
        status=present(code=session.code, description=text, details=session.details),
        dateCreated=format_moment(session.created),
        dateUpdated=format_moment(session.updated),
        validUntil=format_moment(session.valid_until),
    )


def session_status(emulator: Emulator, request: Request, session: Session) -> dict[str, Any]:
    """Status, numbers and receipt of one session."""
    return {
        **describe_session(session),
        **_counters(emulator, session),
        **_receipt(emulator, request, session),
    }


def listed_session(emulator: Emulator, session: Session) -> dict[str, Any]:
    """A session in the list of sessions, where also zeros are told."""
    counts = emulator.session_invoices.counts(session.reference)
    return {
        "referenceNumber": session.reference,
        **describe_session(session),
        "totalInvoiceCount": counts.total,
        "successfulInvoiceCount": counts.accepted,
        "failedInvoiceCount": counts.rejected,
    }


def session_invoice(
    emulator: Emulator, request: Request, session: Session, invoice: SessionInvoice
) -> dict[str, Any]:
    """One invoice of a session."""
    now = emulator.clock.now()
    is_stored = invoice.stored is not None and invoice.stored <= now
    link = {}
    if invoice.code == ACCEPTED:
        path = f"/storage/02/{session.reference.lower()}/invoice-upo/upo_{invoice.ksef_number}.xml"
        link = {
            "upoDownloadUrl": emulator.links.sign(request, path, READ, now, now + _LINK_LIFE),
            "upoDownloadUrlExpirationDate": format_moment(now + _LINK_LIFE),
        }
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
        **link,
        invoicingMode=invoice.mode,
        status=present(
            code=invoice.code,
            description=invoice.description,
            details=invoice.details,
            extensions=invoice.extensions,
        ),
    )


def _counters(emulator: Emulator, session: Session) -> dict[str, int]:
    """Online they grow from the first invoice on, no zero is told; a batch that was read tells all."""
    if session.kind != ONLINE and session.code not in _READ_THROUGH:
        return {}
    counts = emulator.session_invoices.counts(session.reference)
    told = {
        "invoiceCount": counts.total,
        "successfulInvoiceCount": counts.accepted,
        "failedInvoiceCount": counts.rejected,
    }
    return {name: count for name, count in told.items() if count or session.kind != ONLINE}


def _receipt(emulator: Emulator, request: Request, session: Session) -> dict[str, Any]:
    now = emulator.clock.now()
    pages = [
        {
            "referenceNumber": reference,
            "downloadUrl": emulator.links.sign(
                request,
                f"/storage/02/{session.reference.lower()}/upo/{reference}.xml",
                READ,
                now,
                now + _LINK_LIFE,
            ),
            "downloadUrlExpirationDate": format_moment(now + _LINK_LIFE),
        }
        for reference in emulator.upo.pages(session.reference)
    ]
    return {"upo": {"pages": pages}} if pages else {}
