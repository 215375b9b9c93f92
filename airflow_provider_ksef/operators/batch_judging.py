"""What became of a task's batch sessions: each is read and kept, then all of them make one result."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.duplicates import judge_duplicates
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefError, KsefIntegrityError, KsefSessionError
from airflow_provider_ksef.operators.batch_manifests import BatchManifests
from airflow_provider_ksef.operators.batch_result import (
    JUDGED_CODES,
    batch_result,
    check_judged,
    rejections_of,
)
from airflow_provider_ksef.operators.batch_submission import open_manifests
from airflow_provider_ksef.operators.judged_session import (
    JudgedSession,
    KeepingOperator,
    keep_ended,
    keep_rejections,
    keep_session,
)
from airflow_provider_ksef.operators.submission_note import SessionNote
from airflow_provider_ksef.operators.submission_record import SubmissionRecord, open_record

log = logging.getLogger(__name__)


class BatchJudging:
    """
    The judgement of one task's sessions.

    :param operator: says what is kept, and where.
    :param context: Airflow's.
    :param ksef: the client.
    """

    def __init__(self, operator: KeepingOperator, context: Context, ksef: KsefClient) -> None:
        self._operator = operator
        self._ksef = ksef
        self._record: SubmissionRecord | None = open_record(operator.tables_path, context, ksef.settings)
        self._manifests: BatchManifests | None = open_manifests(operator.tables_path, context, ksef)

    def result(self, noted: Sequence[SessionNote], statuses: Sequence[SessionStatus]) -> dict[str, Any]:
        """
        Read and keep every session, then make the result.

        :param noted: all sessions of the submission.
        :param statuses: final, of each of them.
        :raises KsefSessionError: where KSeF ended one without judging it, after the others were kept.
        :raises KsefIntegrityError: where KSeF judged more or fewer invoices than were sent, or does not list
            all of them, after what it told was kept.
        """
        judged: list[JudgedSession] = []
        unjudged: list[KsefError] = []
        for note, status in zip(noted, statuses, strict=True):
            try:
                judged.append(self._judged(note, status))
            except (KsefSessionError, KsefIntegrityError) as error:
                unjudged.append(error)
        if unjudged:
            raise unjudged[0]
        rejected, files = keep_rejections(self._operator, judged)
        count = sum(note.invoice_count for note in noted)
        already = sum(session.already_accepted for session in judged)
        accepted = sum(status.accepted_count or 0 for status in statuses) + already
        log.info("%d accepted, %d of them before, %d rejected.", accepted, already, count - accepted)
        return batch_result(
            [note.session_reference_number for note in noted],
            count,
            accepted,
            count - accepted,
            rejections_of(rejected, files),
            code=statuses[-1].code,
        )

    def _judged(self, note: SessionNote, status: SessionStatus) -> JudgedSession:
        if self._record is not None and status.code not in JUDGED_CODES:
            keep_ended(self._ksef, status, self._record)
            self._forget(note)
        check_judged(status)
        reference, duplicates = status.reference_number, {}
        rejected = expected = status.rejected_count or 0
        if self._record is not None or self._operator.upo_path is not None:
            invoices, expected = self._ksef.run(sessions.list_invoices(reference)), note.invoice_count
        elif rejected:
            invoices = self._ksef.run(sessions.list_failed_invoices(reference))
        else:
            invoices = []
        if rejected:
            duplicates = judge_duplicates(self._ksef, invoices)
        session = JudgedSession(status, invoices, duplicates)
        keep_session(self._ksef, session, self._record, self._operator.upo_path)
        _check_count(note, session, expected)
        self._forget(note)
        return session

    def _forget(self, note: SessionNote) -> None:
        """Remove the manifest, since the rows tell more."""
        if self._manifests is not None:
            self._manifests.remove(note.digest)


def _check_count(note: SessionNote, session: JudgedSession, expected: int) -> None:
    status = session.status
    judged = (status.accepted_count or 0) + (status.rejected_count or 0)
    if judged != note.invoice_count:
        raise KsefIntegrityError(
            f"Session {status.reference_number}: {note.invoice_count} invoices sent, KSeF judged {judged}.",
            "Compare the session's invoices with your files before you send anything again.",
        )
    if len(session.invoices) < expected:
        raise KsefIntegrityError(
            f"Session {status.reference_number}: KSeF lists {len(session.invoices)} of {expected} invoices.",
            "Run the task again in some minutes: it sends nothing and reads them anew.",
        )
