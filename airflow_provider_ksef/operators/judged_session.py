"""What KSeF has judged, and what is kept of it: rows, confirmations of receipt, rejected files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.duplicates import ALREADY_ACCEPTED, Duplicate, judge_duplicates
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.batch_result import JUDGED_CODES, may_send_again, without_accepted
from airflow_provider_ksef.operators.invoice_checks import PathSetting
from airflow_provider_ksef.operators.parameters import path_of
from airflow_provider_ksef.operators.rejected_files import find_rejected, keep_rejected
from airflow_provider_ksef.operators.session_upo import save_session_upo, upo_paths_of
from airflow_provider_ksef.operators.submission_record import SubmissionRecord

log = logging.getLogger(__name__)


class KeepingOperator(Protocol):
    """What an operator has that tells what became of invoices, and keeps KSeF's answers."""

    tables_path: PathSetting
    upo_path: PathSetting
    rejected_path: PathSetting

    def found(self) -> list[InvoicePath]:
        """Find the files that the task names."""


@dataclass(frozen=True)
class JudgedSession:
    """
    A session that KSeF has finished.

    :param status: of the session.
    :param invoices: those that were read of it; all of them, or the rejected ones alone.
    :param duplicates: what the duplicates among them are, by their reference numbers.
    """

    status: SessionStatus
    invoices: Sequence[SessionInvoice]
    duplicates: Mapping[str, Duplicate]

    @property
    def reference(self) -> str:
        """The session's reference number."""
        return self.status.reference_number

    @property
    def rejected(self) -> list[SessionInvoice]:
        """The invoices that KSeF does not have, the duplicates of the very same ones left out."""
        failed = [invoice for invoice in self.invoices if not invoice.is_accepted]
        return without_accepted(failed, self.duplicates)[0]

    @property
    def already_accepted(self) -> int:
        """How many are duplicates of the very same invoice."""
        return sum(each.verdict == ALREADY_ACCEPTED for each in self.duplicates.values())


def keep_session(
    ksef: KsefClient, session: JudgedSession, record: SubmissionRecord | None, upo_path: PathSetting
) -> None:
    """
    Complete the rows of a session, and save its UPO; all of it may be done again.

    :param ksef: the client.
    :param session: with all its invoices.
    :param record: the rows, where the task keeps them.
    :param upo_path: the operator's parameter.
    """
    keep_answers(session, record)
    keep_upo(ksef, session, record, upo_path)
    keep_storage_dates(ksef, session, record)


def keep_ended(ksef: KsefClient, status: SessionStatus, record: SubmissionRecord) -> None:
    """
    Complete the rows of a session that has ended, as far as it is known what became of its invoices.

    :param ksef: the client.
    :param status: final.
    :param record: the rows.
    """
    if may_send_again(status):
        record.complete_unjudged(status)
        return
    if status.code not in JUDGED_CODES:
        record.note_unknown(status)
    try:
        invoices = ksef.run(sessions.list_invoices(status.reference_number))
        judged = JudgedSession(status, invoices, judge_duplicates(ksef, invoices))
    except KsefError as error:
        if status.code in JUDGED_CODES:
            raise
        log.warning("Session %s: its invoices cannot be read: %s", status.reference_number, error)
        return
    keep_answers(judged, record)
    keep_storage_dates(ksef, judged, record)


def keep_answers(session: JudgedSession, record: SubmissionRecord | None) -> None:
    """
    Complete the rows of a session.

    :param session: with all its invoices.
    :param record: the rows, where the task keeps them.
    """
    if record is not None:
        record.complete(session.reference, session.invoices, session.duplicates, {})


def keep_upo(
    ksef: KsefClient, session: JudgedSession, record: SubmissionRecord | None, upo_path: PathSetting
) -> None:
    """
    Save the UPO of a session, and note in its rows where it lies.

    :param ksef: the client.
    :param session: with all its invoices.
    :param record: the rows, where the task keeps them.
    :param upo_path: the operator's parameter.
    """
    if upo_path is None or not session.status.accepted_count:
        return
    saved = save_session_upo(ksef, session.status, path_of("upo_path", upo_path), session.invoices)
    if record is not None:
        accepted = [invoice for invoice in session.invoices if invoice.is_accepted]
        record.complete(session.reference, accepted, {}, upo_paths_of(saved, accepted))


def keep_storage_dates(ksef: KsefClient, session: JudgedSession, record: SubmissionRecord | None) -> None:
    """
    Complete the rows with the permanent storage dates that were not there yet.

    :param ksef: the client.
    :param session: with all its invoices.
    :param record: the rows, where the task keeps them.
    """
    if record is None or all(map(sessions.is_stored, session.invoices)):
        return
    invoices = ksef.run(sessions.list_stored_invoices(session.reference))
    accepted = [invoice for invoice in invoices if invoice.is_accepted]
    missing = sum(not sessions.is_stored(invoice) for invoice in accepted)
    if missing:
        log.info("Session %s: %d invoices have no permanent storage date yet.", session.reference, missing)
    record.complete(session.reference, accepted, {}, {})


def keep_rejections(
    operator: KeepingOperator, judged: Sequence[JudgedSession]
) -> tuple[list[SessionInvoice], dict[str, InvoicePath]]:
    """
    Give what was rejected and the files of it, and copy these to the operator's ``rejected_path``.

    :param operator: says where the files are, and where copies go.
    :param judged: all of the submission.
    :returns: the rejected invoices, and their files by reference number, as far as they are there still.
    """
    rejected = [(session.reference, invoice) for session in judged for invoice in session.rejected]
    return keep_rejected_of(operator, rejected, operator.found)


def keep_rejected_of(
    operator: KeepingOperator,
    rejected: Sequence[tuple[str, SessionInvoice]],
    find: Callable[[], Sequence[InvoicePath]],
) -> tuple[list[SessionInvoice], dict[str, InvoicePath]]:
    """
    Do the same with invoices that are known to be rejected.

    :param operator: says where copies go.
    :param rejected: session and invoice.
    :param find: finds the files that the task names.
    """
    invoices = [invoice for _, invoice in rejected]
    files = find_rejected(invoices, find)
    if rejected and operator.rejected_path is not None:
        keep_rejected(path_of("rejected_path", operator.rejected_path), rejected, files)
    return invoices, files
