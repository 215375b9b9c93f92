"""What a next try does with an earlier one's session: it goes on wherever that may have an effect."""

from __future__ import annotations

import logging

from airflow_provider_ksef.client import KsefClient, batch, sessions
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefApiError
from airflow_provider_ksef.operators.batch_result import may_send_again
from airflow_provider_ksef.operators.submission_note import SubmissionNote, SubmissionNotes
from airflow_provider_ksef.operators.submission_record import SubmissionRecord

log = logging.getLogger(__name__)

NO_SUCH_SESSION = 21173
CANNOT_BE_CLOSED = (21157, 21205, 21208)
"""Codes of a close that say that the session has no effect: wrong part, missing part, too late."""


def unfinished(ksef: KsefClient, notes: SubmissionNotes) -> SubmissionNote | None:
    """
    Give the session that an earlier try began, where it may have an effect.

    What lies in the folder by now does not matter: it is this session's package that was sent. A try that has
    told the outcome may have died before Airflow kept it, so its session counts too, unless the task was
    cleared since.
    """
    note = notes.note
    if note is None or notes.is_cleared or not has_effect(ksef, note):
        return None
    return note


def sent_before(
    ksef: KsefClient, notes: SubmissionNotes, digest: str, record: SubmissionRecord | None
) -> SubmissionNote | None:
    """
    Give the session in which just these files were sent, where it may have an effect.

    :param ksef: the client.
    :param notes: of a task that was cleared since.
    :param digest: of what is to be sent.
    :param record: the table, which knows a session too where nothing was noted; its rows are written when
        every part was uploaded.
    """
    if notes.note and notes.is_cleared and notes.note.digest == digest and has_effect(ksef, notes.note):
        return notes.note
    for reference, count in record.sessions(digest) if record else ():
        note = SubmissionNote(reference, notes.destination, digest, count, is_uploaded=True)
        if has_effect(ksef, note):
            return note
    return None


def has_effect(ksef: KsefClient, note: SubmissionNote) -> bool:
    """
    Whether KSeF has taken a noted session, so that sending again would make duplicates.

    A session that lacks nothing but its close is closed: an earlier close may still be on its way.
    """
    reference = note.session_reference_number
    status = _status(ksef, reference)
    if status is None:
        log.warning("Session %s of an earlier try is not known to KSeF: sending anew.", reference)
        return False
    said = f"Session {reference} of an earlier try has status {status.code} {status.description}"
    if status.is_open and note.is_uploaded:
        log.info("%s: closing it.", said)
        return _closed(ksef, reference)
    taken = not may_send_again(status)
    log.info("%s: %s.", said, "going on with it" if taken else "it had no effect, sending anew")
    return taken


def _status(ksef: KsefClient, reference: str) -> SessionStatus | None:
    try:
        return ksef.run(sessions.get_status(reference))
    except KsefApiError as error:
        if error.fault.code != NO_SUCH_SESSION:
            raise
        return None


def _closed(ksef: KsefClient, reference: str) -> bool:
    try:
        ksef.run(batch.close_session(reference))
    except KsefApiError as error:
        if error.fault.code not in CANNOT_BE_CLOSED:
            raise
        log.warning("Session %s cannot be closed, sending anew: %s", reference, error)
        return False
    return True
