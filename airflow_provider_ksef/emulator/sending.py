"""Receiving an invoice in an interactive session; what becomes of it is found out later."""

from __future__ import annotations

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.online_requests import SendInvoice
from airflow_provider_ksef.emulator.store.session_invoices import ACCEPTED, WAITING, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import OPEN, Session

_LACKS_RIGHT = 410


def receive_invoice(emulator: Emulator, session: Session, request: SendInvoice, encrypted: bytes) -> str:
    """
    Keep an encrypted invoice for processing; give its reference number.

    :raises ApiError: 21180 where the session is not open, 21155 where it is full, 21166 or 21167 for a
        technical correction that is not possible.
    """
    with emulator.files.working_file() as received:
        received.write_bytes(encrypted)
        with emulator.database.transaction():
            ordinal = _next_ordinal(emulator, session.reference)
            if request.hash_of_corrected_invoice is not None:
                _check_correction(emulator, session.context, request.hash_of_corrected_invoice)
            now = emulator.clock.now()
            invoice = SessionInvoice(
                ordinal=ordinal,
                reference=emulator.new_reference("EE"),
                hash=request.invoice_hash,
                invoicing=now,
                file_name=None,
                code=WAITING,
                description="Trwa przetwarzanie",
                is_offline=request.offline_mode,
                size=request.invoice_size,
                corrected_hash=request.hash_of_corrected_invoice,
            )
            emulator.session_invoices.put(session.reference, [invoice])
            emulator.sessions.note_activity(session.reference, now)
            received.replace(emulator.files.upload(session.reference, ordinal))
    return invoice.reference


def _next_ordinal(emulator: Emulator, reference: str) -> int:
    session = emulator.sessions.get(reference)
    code = session.code if session else None
    if session is None or code != OPEN:
        raise ApiError(21180, f"Status sesji ({code}) uniemożliwia wysyłkę faktur.")
    most = emulator.limits.context(session.context).online_session.invoices
    last = emulator.session_invoices.last_ordinal(reference)
    if last >= most:
        raise ApiError(
            21155,
            f"Sesja o numerze referencyjnym {reference} osiągnęła dozwolony limit liczby faktur {most}.",
        )
    return last + 1


def _check_correction(emulator: Emulator, context: str, corrected: str) -> None:
    """Nothing is known against the correction of an invoice that was never sent, so KSeF takes that too."""
    if emulator.session_invoices.is_corrected(context, corrected):
        raise ApiError(21166, "Faktura posiada już przetworzoną prawidłowo korektę techniczną.")
    fates = emulator.session_invoices.fates(context, corrected)
    if any(code == ACCEPTED for code, _ in fates):
        raise ApiError(21167, "Nie można wysłać korekty technicznej do prawidłowo przetworzonej faktury.")
    if fates and not any(is_offline and code not in (_LACKS_RIGHT, WAITING) for code, is_offline in fates):
        raise ApiError(21167, "Korekta techniczna dotyczy tylko faktur offline odrzuconych z powodu błędu.")
