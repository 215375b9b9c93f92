"""A task that sends invoices one by one: what earlier tries have sent is gone on with, the rest is sent."""

from __future__ import annotations

import logging
from typing import Protocol

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.invoice_limits import InvoiceLimits, read_limits
from airflow_provider_ksef.client.online_declaration import OnlineDeclaration
from airflow_provider_ksef.client.online_progress import OnlineProgress, outcome_by_hash, read_sessions
from airflow_provider_ksef.client.online_submission import OnlineSubmission
from airflow_provider_ksef.operators.invoice_checks import CheckingOperator, PathSetting, sendable_invoices
from airflow_provider_ksef.operators.online_note import OnlineNote, OnlineNotes
from airflow_provider_ksef.operators.online_rows import OnlineRows
from airflow_provider_ksef.operators.submission_record import open_record

log = logging.getLogger(__name__)


class SendingOperator(CheckingOperator, Protocol):
    """What an operator has that sends invoices one by one."""

    durable: bool
    offline_conn_id: str | None
    tables_path: PathSetting

    @property
    def declaration(self) -> OnlineDeclaration:
        """What is declared of the invoices."""


class OnlineSending:
    """
    The sending of one task.

    :param operator: says what is sent, and how.
    :param context: Airflow's.
    :param ksef: the client.
    :param notes: of the task.
    """

    def __init__(
        self, operator: SendingOperator, context: Context, ksef: KsefClient, notes: OnlineNotes
    ) -> None:
        self._operator = operator
        self._context = context
        self._ksef = ksef
        self._notes = notes
        self._record = open_record(operator.tables_path, context, ksef.settings, operator.offline_conn_id)

    def run(self) -> OnlineNote:
        """Send what no earlier try has sent; give the note of all sessions, each of them closed."""
        note = self._notes.note
        if note and note.progress.is_sent and not self._notes.is_cleared and self._is_known(note.progress):
            self._ksef.run(self._submission(note).close())
            return note
        self._operator.declaration.check_itself()
        report = sendable_invoices(self._context, self._operator, self._ksef.settings, self._limits)
        digest = self._operator.declaration.digest(report.digest)
        if note and self._is_repeated(note, digest):
            return note
        note = self._notes.begin(digest, self._earlier(digest))
        self._ksef.run(self._submission(note).send(report.files))
        return self._notes.note or note

    def _limits(self) -> InvoiceLimits:
        return self._ksef.run(read_limits("online"))

    def _submission(self, note: OnlineNote) -> OnlineSubmission:
        declaration = self._operator.declaration
        rows = OnlineRows(self._record, declaration, note.digest) if self._record else None
        return OnlineSubmission(
            self._ksef.settings,
            declaration,
            note.progress,
            on_progress=self._notes.keep,
            witness=rows,
        )

    def _is_known(self, progress: OnlineProgress) -> bool:
        known = self._ksef.run(read_sessions(progress.sessions))
        return bool(progress.sessions) and len(known) == len(progress.sessions)

    def _is_repeated(self, note: OnlineNote, digest: str) -> bool:
        """Whether a task was cleared that means the same files, of which KSeF has accepted some."""
        if not (self._notes.is_cleared and self._operator.durable and note.digest == digest):
            return False
        known = self._ksef.run(read_sessions(note.progress.sessions))
        is_known = len(known) == len(note.progress.sessions)
        return is_known and any(invoice.is_accepted for invoice in outcome_by_hash(known).values())

    def _earlier(self, digest: str) -> OnlineProgress:
        """Give how far an earlier try has come: by its note, else by the rows, which know of no key."""
        note, is_cleared = self._notes.note, self._notes.is_cleared
        if note and not is_cleared:
            return note.progress
        if self._record is None or (is_cleared and not self._operator.durable):
            return OnlineProgress()
        same = [reference for reference, _count in self._record.sessions(digest)]
        unanswered = [reference for reference, _digest, _count in self._record.unanswered()]
        references = sorted({*same, *unanswered})
        if references:
            log.info("An earlier try has sent files in %s: going on with that.", ", ".join(references))
        return OnlineProgress(tuple(references))
