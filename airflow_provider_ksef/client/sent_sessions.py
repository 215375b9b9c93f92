"""Finding the session in which invoices were sent, where nobody noted it (KSeF docs: sesja-wsadowa)."""

from __future__ import annotations

import logging
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.calls import Flow, Pause
from airflow_provider_ksef.client.client import KsefClient
from airflow_provider_ksef.client.session_list import PAGE_SIZE, ListedSession, page_call
from airflow_provider_ksef.client.sessions import SessionStatus

log = logging.getLogger(__name__)

_MOST_SESSIONS = 20
"""Sessions that are looked into, the newest first."""
_POLL_SECONDS = 2.0
_MOST_POLLS = 300


def find_session(ksef: KsefClient, hashes: AbstractSet[str], *, since: datetime) -> str | None:
    """
    Find the batch session that holds exactly these invoices and accepted some of them.

    Sessions that KSeF is still at work with are waited for.

    :param ksef: the client.
    :param hashes: Base64 SHA-256 of the invoices.
    :param since: how far back to look, with an offset.
    :returns: its reference number; None where none of the newest holds them.
    """
    for listed in ksef.run(_newest(since)):
        if listed.code != sessions.OPEN and ksef.run(_holds(listed, hashes)):
            return listed.reference_number
    return None


def _newest(since: datetime) -> Flow[list[ListedSession]]:
    """List the context's newest batch sessions; one page holds them."""
    moment = since.astimezone(UTC).isoformat(timespec="seconds")
    page = yield from page_call(
        {"sessionType": "Batch", "dateCreatedFrom": moment, "pageSize": PAGE_SIZE}, {}
    )
    return page.items[:_MOST_SESSIONS]


def _holds(listed: ListedSession, hashes: AbstractSet[str]) -> Flow[bool]:
    status = yield from _finished(listed.reference_number)
    if not status.accepted_count or status.invoice_count != len(hashes):
        return False
    invoices = yield from sessions.list_invoices(listed.reference_number)
    return {invoice.invoice_hash for invoice in invoices} == hashes


def _finished(reference: str) -> Flow[SessionStatus]:
    status = yield from sessions.get_status(reference)
    for _ in range(_MOST_POLLS):
        if status.is_final:
            break
        log.info("Session %s may hold the same invoices, and KSeF is at work with it.", reference)
        yield from Pause(_POLL_SECONDS)
        status = yield from sessions.get_status(reference)
    return status
