"""Closing a session, so that it is closed once and known to be closed, whatever became of the answer."""

from __future__ import annotations

import logging
from typing import Literal

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.answers import nothing
from airflow_provider_ksef.client.calls import Call, Flow, Pause
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.exceptions import KsefApiError, KsefTransportError, KsefUnavailableError

log = logging.getLogger(__name__)

NOT_CLOSABLE = 21180
PAUSES = (2.0, 5.0, 10.0, 20.0)
"""Seconds before a close whose outcome was unknown is repeated."""


def close(kind: Literal["online", "batch"], reference_number: str) -> Flow[None]:
    """
    Close a session (``POST /sessions/{kind}/{referenceNumber}/close``).

    A close without a clear answer may have worked: the session is read, and closed again where it is open
    still. A session that is closed already is fine.

    :param kind: of the session.
    :param reference_number: of the session.
    :raises KsefApiError: where KSeF refuses.
    """
    check_reference_number(reference_number, "session_reference_number")
    call = Call("POST", f"/sessions/{kind}/{reference_number}/close", nothing)
    for seconds in PAUSES:
        try:
            return (yield from call)
        except (KsefUnavailableError, KsefTransportError) as error:
            log.warning("It is not known whether session %s was closed: %s", reference_number, error)
        except KsefApiError as error:
            yield from _closed_already(reference_number, error)
            return None
        status = yield from sessions.get_status(reference_number)
        log.info("Session %s has status %d %s.", reference_number, status.code, status.description)
        if not status.is_open:
            return None
        yield from Pause(seconds)
    try:
        yield from call
    except KsefApiError as error:
        yield from _closed_already(reference_number, error)


def _closed_already(reference_number: str, error: KsefApiError) -> Flow[None]:
    """Raise the error unless it only says that the session is closed."""
    if error.fault.code != NOT_CLOSABLE:
        raise error
    status = yield from sessions.get_status(reference_number)
    if status.is_open:
        raise error
    log.info("Session %s was closed before; its status is %d.", reference_number, status.code)
