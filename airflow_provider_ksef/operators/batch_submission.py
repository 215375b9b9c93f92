"""A task's submission of batches: what earlier tries have sent is gone on with, the rest is sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Protocol

from airflow_provider_ksef._compat import Context, keeps_task_state
from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.crypto import hex_to_base64
from airflow_provider_ksef.client.invoice_limits import InvoiceLimits, read_limits
from airflow_provider_ksef.client.sent_sessions import find_session
from airflow_provider_ksef.client.submission import BatchDeclaration
from airflow_provider_ksef.operators.batch_manifests import BatchManifests
from airflow_provider_ksef.operators.batch_result import check_judged
from airflow_provider_ksef.operators.batch_sending import Batch, BatchSender, batches_of
from airflow_provider_ksef.operators.invoice_checks import CheckingOperator, PathSetting, sendable_invoices
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.operators.session_waiting import WaitingOperator, wait_for_session
from airflow_provider_ksef.operators.submission_note import SessionNote, SubmissionNote, SubmissionNotes
from airflow_provider_ksef.operators.submission_record import open_record
from airflow_provider_ksef.operators.submission_resuming import Standing, accepted_nothing, standing_of

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(hours=24)
"""How far back KSeF is asked for sessions of an earlier try that left no note."""


class SubmittingOperator(CheckingOperator, WaitingOperator, Protocol):
    """What an operator has that submits batches."""

    durable: bool
    offline_conn_id: str | None
    tables_path: PathSetting

    @property
    def declaration(self) -> BatchDeclaration:
        """What is declared of the invoices."""


class BatchSubmission:
    """
    The submission of one task.

    :param operator: says what is sent, and how.
    :param context: Airflow's.
    :param ksef: the client.
    """

    def __init__(self, operator: SubmittingOperator, context: Context, ksef: KsefClient) -> None:
        self._operator = operator
        self._context = context
        self._ksef = ksef
        self.notes = SubmissionNotes(context, ksef.settings)
        self._is_cleared = self.notes.is_cleared
        self._record = open_record(operator.tables_path, context, ksef.settings, operator.offline_conn_id)
        self._manifests = open_manifests(operator.tables_path, context, ksef)
        self._unclosed: dict[str, SessionNote] = {}

    def run(self) -> SubmissionNote:
        """Send what no earlier try has sent; give all sessions, each of them closed."""
        note = self.notes.note
        if note and note.is_whole and not self._is_cleared and self._is_taken(note):
            return note
        report = sendable_invoices(self._context, self._operator, self._ksef.settings, lambda: self._limits)
        digest = self._operator.declaration.digest(report.digest)
        taken = self._taken(digest)
        files = self._without_held(report.files, taken)
        batches = self._batches(files)
        count = len(files) + sum(each.invoice_count for each in self._others(taken, report.files))
        self.notes.begin(digest, count, tuple(taken))
        self._send_all(batches, {session.digest for session in taken})
        if self.notes.note is None:
            raise LookupError("a submission was begun")
        return self.notes.note

    @cached_property
    def _limits(self) -> InvoiceLimits:
        """The company's limits, asked for once."""
        return self._ksef.run(read_limits("batch"))

    def _batches(self, files: Sequence[CheckedFile]) -> list[Batch]:
        return batches_of(files, self._operator.declaration, self._limits.max_invoices)

    def _is_taken(self, note: SubmissionNote) -> bool:
        return all(self._standing(session) is Standing.TAKEN for session in note.sessions)

    def _standing(self, session: SessionNote) -> Standing:
        return standing_of(self._ksef, session, self._record, lambda: self._limits.max_invoices)

    def _taken(self, digest: str) -> list[SessionNote]:
        """Give the noted sessions that count; those that were not closed are kept in mind."""
        taken = []
        for session in self._noted(digest):
            standing = self._standing(session)
            if standing is Standing.UNCLOSED:
                self._unclosed[session.digest] = session
            if standing is Standing.TAKEN and not self._is_repeated(session):
                taken.append(session)
        return taken

    def _noted(self, digest: str) -> tuple[SessionNote, ...]:
        """Give what is noted; a task that was cleared means it only where it sends the same again."""
        note = self.notes.note
        if note is None and self._record is not None:
            return tuple(
                SessionNote(*session, is_uploaded=True) for session in reversed(self._record.unanswered())
            )
        if note is None or (self._is_cleared and (note.digest != digest or not self._operator.durable)):
            return ()
        return note.sessions

    def _is_repeated(self, session: SessionNote) -> bool:
        """Whether a task was cleared because nothing was accepted."""
        return self._is_cleared and accepted_nothing(self._ksef, session)

    def _without_held(
        self, files: Sequence[CheckedFile], taken: Sequence[SessionNote]
    ) -> tuple[CheckedFile, ...]:
        """
        Leave out what an earlier try has sent in other company, since the folder has changed meanwhile.

        :raises KsefSessionError: where KSeF has not judged what it was sent so.
        """
        held: set[str] = set()
        for session in self._others(taken, files):
            reference = session.session_reference_number
            log.info("Session %s was sent of other files: its invoices are left out.", reference)
            deadline = time.time() + self._operator.timeout
            check_judged(
                wait_for_session(
                    self._operator, self._ksef, reference, deadline=deadline, resume={"is_sending": True}
                )
            )
            held |= {each.invoice_hash for each in self._ksef.run(sessions.list_invoices(reference))}
        return tuple(file for file in files if hex_to_base64(file.sha256) not in held)

    def _others(self, taken: Sequence[SessionNote], files: Sequence[CheckedFile]) -> list[SessionNote]:
        """
        Give all sessions where one holds other files than any of today's batches, of another folder or under
        other limits: what is left without its files is divided anew, so that the others may hold no batch of
        those either.
        """
        digests = {each.digest for each in self._batches(files)} if taken else set()
        return [] if {session.digest for session in taken} <= digests else list(taken)

    def _send_all(self, batches: Sequence[Batch], sent: set[str]) -> None:
        sender = BatchSender(
            self._ksef,
            self._operator.declaration,
            self.notes,
            self._record,
            self._manifests,
            max_invoices=self._limits.max_invoices,
        )
        digests = {each.digest for each in batches}
        for digest, unclosed in self._unclosed.items():
            if digest not in digests:
                sender.leave_alone(unclosed)
        if len(batches) > 1:
            log.info("The invoices go in %d sessions, since one takes no more.", len(batches))
        for number, batch in enumerate(batches, start=1):
            if batch.digest in sent:
                continue
            if known := self._known_elsewhere(batch):
                self.notes.keep(known)
                continue
            log.info("Session %d of %d: %d invoices.", number, len(batches), len(batch.files))
            sender.send(batch, self._unclosed.get(batch.digest))

    def _known_elsewhere(self, batch: Batch) -> SessionNote | None:
        """Give a session that the task's state does not know: of the tables, or of KSeF."""
        manifest = self._manifests.earlier(batch.digest) if self._manifests else None
        if self._is_cleared and not self._operator.durable:
            return None
        rows = self._record.sessions(batch.digest) if self._record else []
        told = [SessionNote(reference, batch.digest, count, is_uploaded=True) for reference, count in rows]
        known = [manifest, *told] if manifest else told
        for session in known:
            standing = self._standing(session)
            if standing is Standing.TAKEN:
                return session
            if standing is Standing.UNCLOSED:
                self._unclosed.setdefault(batch.digest, session)
        return self._known_to_ksef(batch)

    def _known_to_ksef(self, batch: Batch) -> SessionNote | None:
        """Look among KSeF's sessions where an earlier try could leave no note of its own."""
        is_first = getattr(self._context["ti"], "try_number", 1) <= 1
        if is_first or self._record or keeps_task_state(self._context):
            return None
        hashes = {hex_to_base64(file.sha256) for file in batch.files}
        reference = find_session(self._ksef, hashes, since=datetime.now(UTC) - LOOK_BACK)
        if reference is None:
            return None
        log.info("Session %s of an earlier try holds the same invoices: going on with it.", reference)
        return SessionNote(reference, batch.digest, len(batch.files), is_uploaded=True)


def open_manifests(tables_path: PathSetting, context: Context, ksef: KsefClient) -> BatchManifests | None:
    """
    Give the manifests of a task; None where it keeps none.

    :param tables_path: the operator's parameter.
    :param context: Airflow's.
    :param ksef: the client.
    """
    if tables_path is None:
        return None
    return BatchManifests(path_of("tables_path", tables_path), context, ksef.settings)
