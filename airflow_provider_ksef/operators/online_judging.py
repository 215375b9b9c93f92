"""What became of invoices that were sent one by one, over all sessions that took some of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.duplicates import ALREADY_ACCEPTED, judge_duplicates
from airflow_provider_ksef.client.online_progress import (
    OnlineProgress,
    is_dropped,
    outcome_by_hash,
    read_sessions,
)
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefSessionError
from airflow_provider_ksef.operators.batch_result import batch_result, rejections_of
from airflow_provider_ksef.operators.judged_session import (
    JudgedSession,
    KeepingOperator,
    keep_answers,
    keep_rejected_of,
    keep_storage_dates,
    keep_upo,
)
from airflow_provider_ksef.operators.submission_record import open_record

log = logging.getLogger(__name__)

SessionsRead: TypeAlias = Mapping[str, tuple[SessionStatus, list[SessionInvoice]]]


class OnlineJudging:
    """
    The judgement of one task's sessions.

    :param operator: says what is kept, and where.
    :param context: Airflow's.
    :param ksef: the client.
    """

    def __init__(self, operator: KeepingOperator, context: Context, ksef: KsefClient) -> None:
        self._operator = operator
        self._ksef = ksef
        self._record = open_record(operator.tables_path, context, ksef.settings)

    def result(self, progress: OnlineProgress, on_incomplete: Callable[[], None]) -> dict[str, Any]:
        """
        Read and keep every session, then make the operator's result.

        :param progress: its sessions are finished.
        :param on_incomplete: lets the next try send again what KSeF has dropped.
        :raises KsefSessionError: where KSeF ended a session without judging an invoice, after what it has
            judged was kept.
        """
        read = self._ksef.run(read_sessions(progress.sessions))
        judged = [self._judged(status, found) for status, found in read.values()]
        outcomes = check_complete(read, progress, on_incomplete)
        for session in judged:
            keep_upo(self._ksef, session, self._record, self._operator.upo_path)
            keep_storage_dates(self._ksef, session, self._record)
        rejected = _rejected(judged, outcomes)
        invoices, files = keep_rejected_of(self._operator, rejected, self._operator.found)
        count = len(outcomes) - len(rejected)
        log.info("Sent in %s: %d accepted, %d rejected.", ", ".join(read), count, len(rejected))
        return batch_result(
            list(read),
            len(outcomes),
            count,
            len(rejected),
            rejections_of(invoices, files),
            code=judged[-1].status.code,
        )

    def _judged(self, status: SessionStatus, found: list[SessionInvoice]) -> JudgedSession:
        """Complete the rows of a session; those that have no answer then were not looked at."""
        invoices = list(outcome_by_hash({status.reference_number: (status, found)}).values())
        session = JudgedSession(status, invoices, judge_duplicates(self._ksef, invoices))
        keep_answers(session, self._record)
        if self._record is not None:
            self._record.complete_unjudged(status)
        return session


def check_complete(
    read: SessionsRead, progress: OnlineProgress, on_incomplete: Callable[[], None]
) -> dict[str, SessionInvoice]:
    """
    Give each invoice's outcome, and refuse sessions that ended without having judged every one.

    :param read: the finished sessions.
    :param progress: says how many invoices they hold.
    :param on_incomplete: lets the next try send the others again.
    :raises KsefSessionError: with KSeF's reason.
    """
    outcomes = outcome_by_hash(read)
    dropped = sum(
        is_dropped(status, invoice) and outcomes[invoice.invoice_hash] is invoice
        for status, invoices in read.values()
        for invoice in invoices
    )
    count = progress.invoice_count or 0
    missing = count - len(outcomes) + dropped
    if missing <= 0:
        return outcomes
    on_incomplete()
    status = read[progress.sessions[-1]][0]
    raise KsefSessionError(
        f"Session {status.reference_number}",
        status.code,
        status.description,
        status.details,
        f"KSeF judged all but {missing} of {count} invoices: the next try sends those again.",
    )


def _rejected(
    judged: Sequence[JudgedSession], outcomes: Mapping[str, SessionInvoice]
) -> list[tuple[str, SessionInvoice]]:
    """Give session and invoice of what KSeF does not have: a duplicate of the very same bytes is there."""
    there = {
        invoice.invoice_hash
        for session in judged
        for invoice in session.invoices
        if invoice.is_accepted or _is_there(session, invoice)
    }
    sessions = {each.reference_number: session.reference for session in judged for each in session.invoices}
    return [
        (sessions[invoice.reference_number], invoice)
        for invoice in outcomes.values()
        if invoice.invoice_hash not in there
    ]


def _is_there(session: JudgedSession, invoice: SessionInvoice) -> bool:
    duplicate = session.duplicates.get(invoice.reference_number)
    return duplicate is not None and duplicate.verdict == ALREADY_ACCEPTED
