"""Taking invoices into KSeF: each is checked, compared with all others, and numbered."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.archives import Entry
from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts, Rejected
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.limits import MAX_SIZE, MAX_SIZE_WITH_ATTACHMENT
from airflow_provider_ksef.emulator.metadata import Registration
from airflow_provider_ksef.emulator.moments import polish_day
from airflow_provider_ksef.emulator.numbers import draw_technical_part, make_ksef_number
from airflow_provider_ksef.emulator.store.invoices import NewInvoice
from airflow_provider_ksef.emulator.store.session_invoices import ACCEPTED, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import Session
from airflow_provider_ksef.emulator.work_faults import WorkFaultKind

_LONGEST_FILE_NAME = 128
_FAILURES = {500: "Nieznany błąd (500)", 550: "Operacja została anulowana przez system"}


@dataclass(frozen=True)
class _Checked:
    """One file after the checks that need no other invoice."""

    ordinal: int
    entry: Entry
    outcome: InvoiceFacts | Rejected


class Acceptance:
    """
    Takes the invoices of one session.

    :param session: whose form, context and dates count.
    """

    def __init__(self, emulator: Emulator, session: Session) -> None:
        self._emulator = emulator
        self._session = session
        self._received = polish_day(session.created)

    def take(self, entries: list[tuple[int, Entry]]) -> bool:
        """
        Check and keep some files of the session, given with their ordinal numbers.

        :return: False where the session is no more.
        """
        checked = [_Checked(ordinal, entry, self._check(entry.content)) for ordinal, entry in entries]
        emulator = self._emulator
        with emulator.database.transaction():
            now = emulator.clock.now()
            if emulator.sessions.get(self._session.reference, now) is None:
                return False
            dates = emulator.hwm.next_dates(len(checked), after=now)
            taken = [self._register(each, now, stored) for each, stored in zip(checked, dates, strict=True)]
            emulator.session_invoices.add(self._session.reference, taken)
        return True

    def _check(self, xml: bytes) -> InvoiceFacts | Rejected:
        try:
            self._fail_as_ordered()
            return check_invoice(
                xml,
                form=FORMS[self._session.form],
                context_nip=self._session.nip,
                max_size=MAX_SIZE,
                max_size_with_attachment=MAX_SIZE_WITH_ATTACHMENT,
                schemas=self._emulator.schemas,
                received=self._received,
                relations=self._emulator.taxpayers,
            )
        except Rejected as rejected:
            return rejected

    def _fail_as_ordered(self) -> None:
        code = self._emulator.work_faults.take_code(WorkFaultKind.INVOICE_STATUS)
        if code is not None:
            raise Rejected(code, _FAILURES[code], ())

    def _register(self, checked: _Checked, now: int, stored: int) -> SessionInvoice:
        if isinstance(checked.outcome, Rejected):
            return self._rejected(checked, checked.outcome)
        facts = checked.outcome
        same = self._emulator.invoices.find_same(facts)
        if same is not None:
            return self._duplicate(checked, facts, *same)
        is_offline = self._session.is_offline or facts.issue_date < self._received
        registration = Registration(
            ksef_number=make_ksef_number(facts.seller_nip, polish_day(now), draw_technical_part()),
            hash=checked.entry.hash,
            invoicing=self._session.created,
            acquired=now,
            stored=stored,
            mode="Offline" if is_offline else "Online",
            session=self._session.reference,
        )
        self._emulator.invoices.add([NewInvoice(facts, registration, checked.entry.content)])
        return SessionInvoice(
            ordinal=checked.ordinal,
            reference=self._emulator.new_reference("EE"),
            hash=registration.hash,
            invoicing=registration.invoicing,
            file_name=checked.entry.name[:_LONGEST_FILE_NAME],
            code=ACCEPTED,
            description="Sukces",
            invoice_number=facts.invoice_number,
            ksef_number=registration.ksef_number,
            acquired=now,
            stored=stored,
            mode=registration.mode,
        )

    def _rejected(
        self, checked: _Checked, why: Rejected, extensions: dict[str, str] | None = None
    ) -> SessionInvoice:
        return SessionInvoice(
            ordinal=checked.ordinal,
            reference=self._emulator.new_reference("EE"),
            hash=checked.entry.hash,
            invoicing=self._session.created,
            file_name=checked.entry.name[:_LONGEST_FILE_NAME],
            code=why.code,
            description=why.description,
            details=list(why.details) or None,
            extensions=extensions,
            invoice_number=why.invoice_number,
        )

    def _duplicate(
        self, checked: _Checked, facts: InvoiceFacts, ksef_number: str, session: str
    ) -> SessionInvoice:
        detail = (
            f"Duplikat faktury. Faktura o numerze KSeF: {ksef_number} została już prawidłowo przesłana "
            f"do systemu w sesji: {session}"
        )
        why = Rejected(440, "Duplikat faktury", (detail,), facts.invoice_number)
        return self._rejected(
            checked, why, {"originalSessionReferenceNumber": session, "originalKsefNumber": ksef_number}
        )
