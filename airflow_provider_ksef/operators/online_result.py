"""What became of invoices that were sent one by one, over all sessions that took some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.online_progress import OnlineProgress, is_dropped, outcome_by_hash
from airflow_provider_ksef.client.sessions import SessionInvoice, SessionStatus
from airflow_provider_ksef.exceptions import KsefSessionError
from airflow_provider_ksef.operators.batch_result import MAX_REJECTIONS, batch_result, rejections_of
from airflow_provider_ksef.operators.rejected_files import find_rejected

SessionsRead: TypeAlias = Mapping[str, tuple[SessionStatus, list[SessionInvoice]]]


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


def online_result(
    read: SessionsRead, outcomes: Mapping[str, SessionInvoice], find: Callable[[], Sequence[InvoicePath]]
) -> dict[str, Any]:
    """
    Make the operator's result of sessions that have judged every invoice.

    :param read: the finished sessions, the last one last.
    :param outcomes: of each invoice, by its hash.
    :param find: finds the files that the task names; asked only where something was rejected.
    """
    rejected = [invoice for invoice in outcomes.values() if not invoice.is_accepted]
    *_, (status, _invoices) = read.values()
    return batch_result(
        list(read),
        len(outcomes),
        len(outcomes) - len(rejected),
        len(rejected),
        rejections_of(rejected, find_rejected(rejected[:MAX_REJECTIONS], find)),
        code=status.code,
    )


def unjudged_result(progress: OnlineProgress) -> dict[str, Any]:
    """Make the operator's result where it does not wait."""
    return batch_result(progress.sessions, progress.invoice_count or 0, None, None, None)
