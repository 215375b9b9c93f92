"""Taking invoices into KSeF: each is checked, compared with all others, and numbered."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts, Rejected
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.metadata import Registration
from airflow_provider_ksef.emulator.moments import polish_day
from airflow_provider_ksef.emulator.numbers import draw_technical_part, make_ksef_number
from airflow_provider_ksef.emulator.relations import EmulatedRelations
from airflow_provider_ksef.emulator.store.invoices import NewInvoice
from airflow_provider_ksef.emulator.store.session_invoices import ACCEPTED, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import BATCH, Session
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

log = logging.getLogger(__name__)

_FAILURES = {
    405: "Przetwarzanie anulowane z powodu błędu sesji",
    435: "Błąd odszyfrowania pliku",
    500: "Nieznany błąd (500)",
    550: "Operacja została anulowana przez system",
}


@dataclass(frozen=True)
class Arrival:
    """
    A decrypted invoice that came in.

    :param hash: of all of it, also where ``content`` is only the beginning of a file that is too large.
    :param invoicing: when KSeF received it, in ticks.
    :param is_offline: whether it was declared so.
    :param corrected_hash: of the rejected invoice that it corrects technically.
    """

    ordinal: int
    reference: str
    content: bytes
    hash: str
    invoicing: int
    is_offline: bool
    file_name: str | None = None
    corrected_hash: str | None = None


class Acceptance:
    """
    Takes the invoices of one session.

    :param session: whose form and context count.
    """

    def __init__(self, emulator: Emulator, session: Session) -> None:
        self._emulator = emulator
        self._session = session
        self._limits = emulator.limits.context(session.context).of_session(session.kind)

    def take(self, arrivals: list[Arrival]) -> bool:
        """
        Check and keep some invoices of the session; one that cannot be dealt with ends in 500 by itself.

        :return: False where the session is no more.
        """
        checked = [(arrival, self._check(arrival)) for arrival in arrivals]
        emulator = self._emulator
        with emulator.database.transaction():
            now = emulator.clock.now()
            if emulator.sessions.get(self._session.reference) is None:
                return False
            dates = emulator.hwm.next_dates(len(checked), after=now)
            taken = [self._settle(*each, now, stored) for each, stored in zip(checked, dates, strict=True)]
            emulator.session_invoices.put(self._session.reference, taken)
        return True

    def _check(self, arrival: Arrival) -> InvoiceFacts | Rejected:
        is_batch_or_correction = self._session.kind == BATCH or arrival.corrected_hash is not None
        try:
            self._fail_as_ordered()
            return check_invoice(
                arrival.content,
                form=FORMS[self._session.form],
                context=Identity.parse(self._session.context),
                limits=self._limits,
                may_attach=is_batch_or_correction,
                schemas=self._emulator.schemas,
                received=polish_day(arrival.invoicing),
                relations=EmulatedRelations(self._emulator.taxpayers, self._emulator.authorizations),
                consents=self._has_consented,
            )
        except Rejected as why:  # whose frames would hold this and other documents in memory
            return Rejected(why.code, why.description, why.details, why.invoice_number)
        except Exception:
            log.exception("invoice %s failed", arrival.reference)
            return unknown_failure()

    def _has_consented(self, seller_nip: str) -> bool:
        consent = self._emulator.consents.get(seller_nip)
        return consent is not None and consent.is_given(self._emulator.clock.now())

    def _fail_as_ordered(self) -> None:
        code = self._emulator.work_faults.take_code(WorkFaultKind.INVOICE_STATUS)
        if code is not None:
            raise Rejected(code, _FAILURES[code], ())

    def _settle(
        self, arrival: Arrival, outcome: InvoiceFacts | Rejected, now: int, stored: int
    ) -> SessionInvoice:
        if isinstance(outcome, Rejected):
            return reject(arrival, outcome)
        try:
            with self._emulator.database.transaction():
                return self._register(arrival, outcome, now, stored)
        except Exception:
            log.exception("invoice %s failed", arrival.reference)
            return reject(arrival, unknown_failure())

    def _register(self, arrival: Arrival, outcome: InvoiceFacts, now: int, stored: int) -> SessionInvoice:
        same = self._emulator.invoices.find_same(outcome, polish_day(now))
        if same is not None:
            return _duplicate(arrival, outcome, *same)
        is_offline = arrival.is_offline or outcome.issue_date < polish_day(arrival.invoicing)
        registration = Registration(
            ksef_number=make_ksef_number(outcome.seller_nip, polish_day(now), draw_technical_part()),
            hash=arrival.hash,
            invoicing=arrival.invoicing,
            acquired=now,
            stored=stored,
            mode="Offline" if is_offline else "Online",
            session=self._session.reference,
            corrected_hash=arrival.corrected_hash,
        )
        self._emulator.invoices.add([NewInvoice(outcome, registration, arrival.content)])
        return SessionInvoice(
            ordinal=arrival.ordinal,
            reference=arrival.reference,
            hash=registration.hash,
            invoicing=registration.invoicing,
            file_name=arrival.file_name,
            code=ACCEPTED,
            description="Sukces",
            invoice_number=outcome.invoice_number,
            ksef_number=registration.ksef_number,
            acquired=now,
            stored=stored,
            mode=registration.mode,
            is_offline=arrival.is_offline,
            corrected_hash=arrival.corrected_hash,
        )


def unknown_failure() -> Rejected:
    """What KSeF says of an invoice with which it failed itself."""
    return Rejected(500, _FAILURES[500], ())


def reject(arrival: Arrival, why: Rejected, extensions: dict[str, str] | None = None) -> SessionInvoice:
    """Tell what became of an invoice that KSeF does not take."""
    return SessionInvoice(
        ordinal=arrival.ordinal,
        reference=arrival.reference,
        hash=arrival.hash,
        invoicing=arrival.invoicing,
        file_name=arrival.file_name,
        code=why.code,
        description=why.description,
        details=list(why.details) or None,
        extensions=extensions,
        invoice_number=why.invoice_number,
        is_offline=arrival.is_offline,
        corrected_hash=arrival.corrected_hash,
    )


def _duplicate(arrival: Arrival, facts: InvoiceFacts, ksef_number: str, session: str) -> SessionInvoice:
    detail = (
        f"Duplikat faktury. Faktura o numerze KSeF: {ksef_number} została już prawidłowo przesłana "
        f"do systemu w sesji: {session}"
    )
    why = Rejected(440, "Duplikat faktury", (detail,), facts.invoice_number)
    return reject(
        arrival, why, {"originalSessionReferenceNumber": session, "originalKsefNumber": ksef_number}
    )
