"""What happens in interactive sessions after their requests were answered."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

from airflow_provider_ksef.emulator.acceptance import Acceptance, Arrival, reject, unknown_failure
from airflow_provider_ksef.emulator.checks import FILE_ERROR
from airflow_provider_ksef.emulator.crypto import DecryptionError, decrypt_stream, digest
from airflow_provider_ksef.emulator.elements import Rejected
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.finishing import finish_failed, finish_processed
from airflow_provider_ksef.emulator.store.session_invoices import WAITING, SessionInvoice
from airflow_provider_ksef.emulator.store.sessions import CANCELLED, CLOSED, LOST_KEY, OPEN, Session

log = logging.getLogger(__name__)


class OnlineProcessing:
    """
    Processes what was sent in interactive sessions, and brings closed ones to their end.

    :param emulator: where the sessions and the invoices are.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def check_key(self, reference: str) -> None:
        """Find out that the key of an open session cannot be decrypted."""
        session = self._emulator.sessions.get(reference)
        if session is not None and session.aes_key is None:
            finish_failed(self._emulator, reference, LOST_KEY, before=OPEN)

    def process_invoice(self, reference: str) -> None:
        """Decrypt and take one invoice; the last one of a closed session ends it."""
        found = self._emulator.session_invoices.find(reference)
        if found is None or found[1].code != WAITING:
            return
        session = self._emulator.sessions.get(found[0])
        if session is None:
            return
        self._process(session, found[1])
        self._emulator.files.upload(session.reference, found[1].ordinal).unlink(missing_ok=True)
        self._emulator.sessions.note_activity(session.reference, self._emulator.clock.now())
        now = self._emulator.sessions.get(session.reference)
        if now is not None and now.code == CLOSED:
            self._emulator.jobs.start(self.finish_session, session.reference)

    def finish_session(self, reference: str) -> None:
        """Give a closed session its final status, if none of its invoices waits any more."""
        session = self._emulator.sessions.get(reference)
        if session is None or session.code != CLOSED:
            return
        counts = self._emulator.session_invoices.counts(reference)
        if session.aes_key is None:
            finish_failed(self._emulator, reference, LOST_KEY, before=CLOSED)
        elif counts.total == 0:
            finish_failed(self._emulator, reference, CANCELLED, "Nie przesłano faktur", before=CLOSED)
        elif counts.waiting == 0:
            finish_processed(self._emulator, reference, before=CLOSED)

    def _process(self, session: Session, waiting: SessionInvoice) -> None:
        arrival = Arrival(
            ordinal=waiting.ordinal,
            reference=waiting.reference,
            content=b"",
            hash=waiting.hash,
            invoicing=waiting.invoicing,
            is_offline=waiting.is_offline,
            corrected_hash=waiting.corrected_hash,
        )
        try:
            content = self._decrypt(session, waiting)
            Acceptance(self._emulator, session).take([replace(arrival, content=content)])
        except Rejected as rejected:
            self._refuse(session, arrival, rejected)
        except Exception:
            log.exception("invoice %s failed", arrival.reference)
            self._refuse(session, arrival, unknown_failure())

    def _refuse(self, session: Session, arrival: Arrival, why: Rejected) -> None:
        self._emulator.session_invoices.put(session.reference, [reject(arrival, why)])

    def _decrypt(self, session: Session, waiting: SessionInvoice) -> bytes:
        if session.aes_key is None:
            raise Rejected(405, "Przetwarzanie anulowane z powodu błędu sesji", ())
        target = io.BytesIO()
        try:
            with self._emulator.files.upload(session.reference, waiting.ordinal).open("rb") as source:
                decrypt_stream(session.aes_key, session.iv, source, target)
        except DecryptionError:
            raise Rejected(435, "Błąd odszyfrowania pliku", ()) from None
        content = target.getvalue()
        if len(content) != waiting.size:
            detail = f"Rozmiar faktury nie zgadza się z zadeklarowaną wartością: '{waiting.size}'."
            raise Rejected(430, FILE_ERROR, (detail,))
        if digest(content) != waiting.hash:
            detail = f"Skrót faktury nie zgadza się z zadeklarowaną wartością: '{waiting.hash}'."
            raise Rejected(430, FILE_ERROR, (detail,))
        return content
