"""Interactive sessions: opening, sending invoices one by one, closing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from airflow_provider_ksef.emulator.access import Here, OnlineSender
from airflow_provider_ksef.emulator.encryption import read_encryption
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.form_codes import find_form
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.online_processing import OnlineProcessing
from airflow_provider_ksef.emulator.online_requests import OpenOnline, SendInvoice, check_invoice_request
from airflow_provider_ksef.emulator.routes.lookup import own_session
from airflow_provider_ksef.emulator.sending import receive_invoice
from airflow_provider_ksef.emulator.session_opening import new_session
from airflow_provider_ksef.emulator.store.sessions import CLOSED, ONLINE
from airflow_provider_ksef.emulator.wire import WireResponse
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

router = APIRouter(prefix="/sessions/online", tags=["Wysyłka interaktywna"])
Reference = Annotated[str, Path(alias="referenceNumber")]


@router.post("", summary="Otwarcie sesji interaktywnej", status_code=201)
def open_online(body: OpenOnline, caller: OnlineSender, emulator: Here) -> WireResponse:
    """Open a session; whether its key can be decrypted is told by its status."""
    form = find_form(body.form_code)
    session = new_session(emulator, caller, ONLINE, form, read_encryption(emulator, body.encryption))
    emulator.sessions.add(session)
    if session.aes_key is None:
        emulator.jobs.start(OnlineProcessing(emulator).check_key, session.reference)
    answer = {"referenceNumber": session.reference, "validUntil": format_moment(session.valid_until)}
    return WireResponse(answer, status_code=201)


@router.post("/{referenceNumber}/invoices", summary="Wysłanie faktury", status_code=202)
def send_invoice(
    reference: Reference, body: SendInvoice, caller: OnlineSender, emulator: Here
) -> WireResponse:
    """Take an encrypted invoice; processing begins."""
    session = own_session(emulator, reference, caller, kind=ONLINE, missing="odnaleziona")
    if emulator.work_faults.take(WorkFaultKind.SESSION_UNAVAILABLE):
        raise ApiError(21184, f"Sesja o numerze referencyjnym {reference} jest tymczasowo niedostępna.")
    limits = emulator.limits.context(session.context).online_session
    encrypted = check_invoice_request(body, limits)
    invoice = receive_invoice(emulator, session, body, encrypted)
    emulator.jobs.start(OnlineProcessing(emulator).process_invoice, invoice)
    return WireResponse({"referenceNumber": invoice}, status_code=202)


@router.post("/{referenceNumber}/close", summary="Zamknięcie sesji interaktywnej", status_code=204)
def close_online(reference: Reference, caller: OnlineSender, emulator: Here) -> Response:
    """Take no more invoices; the session's receipt is made when all of them are processed."""
    session = own_session(emulator, reference, caller, kind=ONLINE, missing="odnaleziona")
    if not emulator.sessions.close(reference, emulator.clock.now(), CLOSED):
        raise ApiError(21180, f"Status sesji {session.code} uniemożliwia jej zamknięcie.")
    processing = OnlineProcessing(emulator)
    if emulator.session_invoices.last_ordinal(reference):
        emulator.jobs.start(processing.finish_session, reference)
    else:  # nothing is there to wait for
        processing.finish_session(reference)
    return Response(status_code=204)
