"""What a next try does with an earlier one's sessions: it goes on wherever they may have an effect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import Enum, auto

from airflow_provider_ksef.client import KsefClient, batch, sessions
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefApiError
from airflow_provider_ksef.operators.batch_result import JUDGED_CODES, may_send_again
from airflow_provider_ksef.operators.submission_note import SessionNote
from airflow_provider_ksef.operators.submission_record import SubmissionRecord

log = logging.getLogger(__name__)

NO_SUCH_SESSION = 21173
CANNOT_BE_CLOSED = (21157, 21205, 21208)
"""Codes of a close that say that the session has no effect: wrong part, missing part, too late."""


class Standing(Enum):
    """What a session of an earlier try is worth."""

    TAKEN = auto()
    """KSeF has taken it, or may have: sending its files again would make duplicates."""
    UNCLOSED = auto()
    """It is open, and it is not known whether all parts are there: it has no effect unless it is closed."""
    WITHOUT_EFFECT = auto()
    """KSeF does not know it, or has ended it without looking at an invoice."""


def standing_of(
    ksef: KsefClient,
    session: SessionNote,
    record: SubmissionRecord | None,
    max_invoices: Callable[[], int],
) -> Standing:
    """
    Ask KSeF what a session is worth; one that lacks nothing but its close is closed, unless it holds more
    than KSeF takes of the company by now.

    :param ksef: the client.
    :param session: of an earlier try.
    :param record: the rows, which say of a session without effect that it had none.
    :param max_invoices: asks how many invoices KSeF takes of the company in one session.
    """
    reference = session.session_reference_number
    status = _status(ksef, reference)
    if status is None:
        log.warning("Session %s of an earlier try is not known to KSeF: sending anew.", reference)
        return _without_effect(record, reference, NO_SUCH_SESSION, "KSeF does not know the session.")
    said = f"Session {reference} of an earlier try has status {status.code} {status.description}"
    if status.is_open and session.is_uploaded:
        fault = _closed_in_time(ksef, session, said, max_invoices)
        return _without_effect(record, reference, status.code, fault) if fault else Standing.TAKEN
    if status.is_open:
        log.info("%s: it was not closed.", said)
        return Standing.UNCLOSED
    if not may_send_again(status):
        log.info("%s: going on with it.", said)
        return Standing.TAKEN
    log.info("%s: it had no effect, sending anew.", said)
    return _without_effect(record, reference, status.code, status.description, status.details)


def _without_effect(
    record: SubmissionRecord | None, reference: str, code: int, description: str, details: Sequence[str] = ()
) -> Standing:
    if record is not None:
        record.complete_unprocessed(reference, code, description, details)
    return Standing.WITHOUT_EFFECT


def accepted_nothing(ksef: KsefClient, session: SessionNote) -> bool:
    """
    Whether KSeF has judged a session and accepted none of its invoices, so that they may be sent again.

    :param ksef: the client.
    :param session: one that KSeF knows.
    """
    status = ksef.run(sessions.get_status(session.session_reference_number))
    return status.code in JUDGED_CODES and not status.accepted_count


def _status(ksef: KsefClient, reference: str) -> SessionStatus | None:
    try:
        return ksef.run(sessions.get_status(reference))
    except KsefApiError as error:
        if error.fault.code != NO_SUCH_SESSION:
            raise
        return None


def _closed_in_time(
    ksef: KsefClient, session: SessionNote, said: str, max_invoices: Callable[[], int]
) -> str:
    """Close a session that has all its parts; say why not, where it stays without effect."""
    if session.invoice_count > (most := max_invoices()):
        log.warning("%s: it holds more than the %d invoices that KSeF takes now, sending anew.", said, most)
        return f"The session was not closed: it holds more than {most} invoices."
    log.info("%s: closing it.", said)
    try:
        ksef.run(batch.close_session(session.session_reference_number))
    except KsefApiError as error:
        if error.fault.code not in CANNOT_BE_CLOSED:
            raise
        log.warning("Session %s cannot be closed, sending anew: %s", session.session_reference_number, error)
        return "The session could not be closed."
    return ""
