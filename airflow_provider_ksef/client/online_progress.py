"""How far an interactive submission has come, and what KSeF says of it: by hash, never by order or name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefApiError

log = logging.getLogger(__name__)

MAX_LATEST = 20
UNPROCESSED_CODES = (405, 550)
"""Codes of an invoice that KSeF has dropped without judging it, so that it may be sent again."""
_UNKNOWN_SESSION = 21173


@dataclass(frozen=True)
class OnlineProgress:
    """
    What a next try needs to go on; small, and no secret.

    :param sessions: reference numbers in the order in which they were opened; the last one takes invoices.
    :param salt: hexadecimal, of the last session's key.
    :param check_value: of that key.
    :param latest: reference numbers of the invoices that were sent last, by hash: KSeF's list of a session
        may show them a moment later. What was sent before them is in that list.
    :param invoice_count: how many invoices the sessions hold; None until all are sent.
    """

    sessions: tuple[str, ...] = ()
    salt: str = ""
    check_value: str = ""
    latest: Mapping[str, str] = field(default_factory=dict)
    invoice_count: int | None = None

    @property
    def is_sent(self) -> bool:
        """Whether the sessions lack nothing but their close."""
        return self.invoice_count is not None


def with_latest(latest: Mapping[str, str], invoice_hash: str, reference_number: str) -> dict[str, str]:
    """Add an invoice to the :data:`MAX_LATEST` that were sent last."""
    kept = [*latest.items(), (invoice_hash, reference_number)]
    return dict(kept[-MAX_LATEST:])


def read_sessions(references: Iterable[str]) -> Flow[dict[str, tuple[SessionStatus, list[SessionInvoice]]]]:
    """
    Read status and invoices of sessions; one that KSeF does not know is left out.

    :param references: of the sessions.
    """
    found: dict[str, tuple[SessionStatus, list[SessionInvoice]]] = {}
    for reference in references:
        try:
            status = yield from sessions.get_status(reference)
        except KsefApiError as error:
            if error.fault.code != _UNKNOWN_SESSION:
                raise
            log.warning("Session %s of an earlier try is not known to KSeF: going on without it.", reference)
            continue
        found[reference] = (status, (yield from sessions.list_invoices(reference)))
    return found


def is_dropped(status: SessionStatus, invoice: SessionInvoice) -> bool:
    """Whether KSeF will never judge an invoice: it says so, or the session has ended before."""
    return invoice.code in UNPROCESSED_CODES or (status.is_final and not invoice.is_final)


def outcome_by_hash(
    read: Mapping[str, tuple[SessionStatus, Sequence[SessionInvoice]]],
) -> dict[str, SessionInvoice]:
    """
    Give what became of each invoice; of one that reached KSeF twice, the acceptance.

    :param read: what :func:`read_sessions` gave.
    """
    found: dict[str, tuple[int, SessionInvoice]] = {}
    for status, invoices in read.values():
        for invoice in invoices:
            weight = _weight(status, invoice)
            if weight > found.get(invoice.invoice_hash, (-1, invoice))[0]:
                found[invoice.invoice_hash] = (weight, invoice)
    return {invoice_hash: invoice for invoice_hash, (_, invoice) in found.items()}


def _weight(status: SessionStatus, invoice: SessionInvoice) -> int:
    if invoice.is_accepted:
        return 3
    if is_dropped(status, invoice):
        return 0
    return 2 if invoice.is_final else 1
