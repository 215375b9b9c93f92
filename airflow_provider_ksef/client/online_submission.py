"""Invoices go one by one, each once, however often the sender is killed (KSeF docs: sesja-interaktywna)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from airflow_provider_ksef.client import online
from airflow_provider_ksef.client.calls import Flow, Pause
from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.closing import close
from airflow_provider_ksef.client.crypto import SessionKey, hex_to_base64, new_salt, sha256_base64
from airflow_provider_ksef.client.derived_keys import derived_key
from airflow_provider_ksef.client.invoice_reading import changed_invoice, read_invoice
from airflow_provider_ksef.client.limits import rate_limits
from airflow_provider_ksef.client.online_declaration import OnlineDeclaration
from airflow_provider_ksef.client.online_progress import (
    OnlineProgress,
    is_dropped,
    outcome_by_hash,
    read_sessions,
    with_latest,
)
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.exceptions import (
    Fault,
    KsefApiError,
    KsefError,
    KsefRateLimitError,
    KsefUnavailableError,
)

log = logging.getLogger(__name__)

PURPOSE = "online"
TAKES_NO_MORE = (21155, 21180, 21184)
"""
Codes of a session that is full, that was closed, or that a maintenance keeps away for a time: the other
invoices go into a new one.
"""
SETTLING = 2.0
"""Seconds within which KSeF shows what a killed try has sent."""
FEW = 30
"""Invoices that are sent without a word on how long it will take."""
_SECONDS_BETWEEN_WORDS = 30.0


class Witness(Protocol):
    """Is told what becomes of each invoice on its way."""

    def sending(self, reference: str, file: CheckedFile) -> None:
        """Hear that an invoice is about to go into a session."""

    def refused(self, reference: str, file: CheckedFile, fault: Fault) -> None:
        """Hear that KSeF did not take it in."""


class OnlineSubmission:
    """
    A submission that is begun once and gone on with by any later try.

    :param settings: in whose name, and with which secret.
    :param declaration: what is declared of the invoices.
    :param progress: how far an earlier try has come.
    :param on_progress: is told each step before the next one begins, and keeps it.
    :param witness: is told of each invoice; None for nobody.
    """

    def __init__(
        self,
        settings: Settings,
        declaration: OnlineDeclaration,
        progress: OnlineProgress,
        on_progress: Callable[[OnlineProgress], None],
        witness: Witness | None,
    ) -> None:
        self._settings = settings
        self._declaration = declaration
        self._on_progress = on_progress
        self._witness = witness
        self._key: SessionKey | None = None
        self.progress = progress

    def send(self, files: Sequence[CheckedFile]) -> Flow[OnlineProgress]:
        """
        Send what was not sent before, and close the sessions.

        :param files: the invoices, no two of them the same, one in memory at a time.
        :returns: the progress, with all invoices sent and all sessions closed.
        :raises KsefInputError: where nothing may be sent, before anything is.
        :raises KsefIntegrityError: where a file changed since it was checked.
        """
        self._declaration.check(len(files))
        named = {hex_to_base64(file.sha256): file for file in files}
        taken = yield from self._taken()
        missing = {invoice_hash: file for invoice_hash, file in named.items() if invoice_hash not in taken}
        if len(missing) < len(named):
            log.info("%d of %d invoices were sent by an earlier try.", len(named) - len(missing), len(named))
        yield from _tell_pace(len(missing))
        yield from self._send_each(missing)
        self._keep(replace(self.progress, invoice_count=len(taken | set(named))))
        return (yield from self.close())

    def close(self) -> Flow[OnlineProgress]:
        """Close the sessions, each that is open still, so that KSeF ends them and makes their UPO."""
        for reference in self.progress.sessions:
            yield from close("online", reference)
            log.info("Interactive session %s is closed.", reference)
        return self.progress

    def _taken(self) -> Flow[set[str]]:
        """Give the hashes of the invoices that KSeF has; only sessions that it knows are gone on with."""
        if not self.progress.sessions:
            return set()
        yield from Pause(SETTLING)
        read = yield from read_sessions(self.progress.sessions)
        self._go_on_with(read)
        outcomes = outcome_by_hash(read)
        dropped = {
            invoice.invoice_hash
            for status, invoices in read.values()
            for invoice in invoices
            if is_dropped(status, invoice) and outcomes[invoice.invoice_hash] is invoice
        }
        return (set(self.progress.latest) | set(outcomes)) - dropped

    def _go_on_with(self, read: Mapping[str, tuple[SessionStatus, list[SessionInvoice]]]) -> None:
        """Forget what KSeF does not know, and the key of a session that takes no more invoices."""
        last = read.get(self.progress.sessions[-1])
        known = replace(self.progress, sessions=tuple(read), invoice_count=None)
        if last is None or last[0].is_final:
            known = replace(known, latest={})
        if last is None or not last[0].is_open:
            known = replace(known, salt="", check_value="")
        self._keep(known)

    def _send_each(self, missing: Mapping[str, CheckedFile]) -> Flow[None]:
        told = time.monotonic()
        for done, (invoice_hash, file) in enumerate(missing.items(), start=1):
            number = yield from self._send_one(file, _unchanged(file, invoice_hash))
            latest = with_latest(self.progress.latest, invoice_hash, number)
            self._keep(replace(self.progress, latest=latest))
            if done == len(missing) or time.monotonic() - told > _SECONDS_BETWEEN_WORDS:
                told = time.monotonic()
                log.info("Sent %d of %d invoices.", done, len(missing))

    def _send_one(self, file: CheckedFile, xml: bytes) -> Flow[str]:
        """Send an invoice, in a new session where the old one takes no more."""
        had_session = self._key is not None or bool(self.progress.check_value)
        key = yield from self._session_key()
        try:
            return (yield from self._sending(file, xml, key))
        except KsefApiError as error:
            if error.fault.code not in TAKES_NO_MORE or not had_session:
                raise
            log.info("Session %s takes no more invoices: %s", self.progress.sessions[-1], error)
        key = yield from self._open()
        return (yield from self._sending(file, xml, key))

    def _sending(self, file: CheckedFile, xml: bytes, key: SessionKey) -> Flow[str]:
        reference, declared = self.progress.sessions[-1], self._declaration
        if self._witness:
            self._witness.sending(reference, file)
        try:
            return (
                yield from online.send_invoice(
                    reference,
                    xml,
                    key,
                    offline_mode=declared.offline_mode,
                    hash_of_corrected_invoice=declared.hash_of_corrected_invoice,
                )
            )
        except (KsefUnavailableError, KsefRateLimitError):
            raise
        except KsefApiError as error:
            if self._witness:
                self._witness.refused(reference, file, error.fault)
            raise

    def _session_key(self) -> Flow[SessionKey]:
        if self._key is None:
            self._key = self._key_of_earlier_try() or (yield from self._open())
        return self._key

    def _key_of_earlier_try(self) -> SessionKey | None:
        """Derive the open session's key again; another check value means that the secret was changed."""
        if not self.progress.check_value:
            return None
        derived = derived_key(self._settings, bytes.fromhex(self.progress.salt), purpose=PURPOSE)
        if derived.check_value != self.progress.check_value:
            log.warning("The connection's secret was changed, so the other invoices go into a new session.")
            return None
        log.info("Going on with interactive session %s.", self.progress.sessions[-1])
        return derived.session_key

    def _open(self) -> Flow[SessionKey]:
        salt = new_salt()
        derived = derived_key(self._settings, salt, purpose=PURPOSE)
        opened = yield from online.open_session(self._declaration.form_code, derived.session_key)
        log.info("Opened interactive session %s.", opened.reference_number)
        self._key = derived.session_key
        self._keep(
            replace(
                self.progress,
                sessions=(*self.progress.sessions, opened.reference_number),
                salt=salt.hex(),
                check_value=derived.check_value,
                latest={},
            )
        )
        return derived.session_key

    def _keep(self, progress: OnlineProgress) -> None:
        self.progress = progress
        self._on_progress(progress)


def _unchanged(file: CheckedFile, invoice_hash: str) -> bytes:
    xml = read_invoice(file.to_pack)
    if sha256_base64(xml) != invoice_hash:
        raise changed_invoice(file.invoice.shown)
    return xml


def _tell_pace(count: int) -> Flow[None]:
    """Say how long many invoices take at KSeF's pace."""
    if count <= FEW:
        return
    try:
        limit = (yield from rate_limits()).invoice_send
    except KsefError as error:
        log.warning("KSeF's rate limits cannot be read: %s", error)
        return
    hours = (count - 1) // limit.per_hour if limit and limit.per_hour else 0
    minutes = (count - 1) // limit.per_minute if limit and limit.per_minute else 0
    if hours or minutes:
        log.warning(
            "%d invoices take %d minutes or more at the pace that KSeF allows: %s a minute, %s an hour. "
            "A batch session has no such limit.",
            count,
            max(minutes, 60 * hours),
            limit.per_minute if limit else None,
            limit.per_hour if limit else None,
        )
