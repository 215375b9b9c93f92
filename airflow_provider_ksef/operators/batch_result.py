"""What became of a session: small enough for XCom, clear enough to act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_ksef.client.duplicates import ALREADY_ACCEPTED, Duplicate
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.session_invoices import SessionInvoice
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefSessionError

JUDGED_CODES = (200, 445)
"""Session codes after which each invoice has a status of its own."""
UNJUDGED_CODES = (405, 415, 430, 435, 440)
"""Session codes that end a closed session without having looked at an invoice."""
TOO_MANY_CODE = 420
"""Session code of a batch that holds more invoices than KSeF takes in one."""
UNDECIDED_CODES = (405, 500, 550)
"""Codes of an invoice that KSeF has turned away for a reason of its own, whatever the file holds."""
MAX_REJECTIONS = 100
"""Rejections that a result lists; the others are counted, and KSeF keeps them with the session."""
SHOWN_REJECTIONS = 10
ALL_ACCEPTED = "accepted"
PARTLY_ACCEPTED = "partly_accepted"
ALL_REJECTED = "rejected"
_NO_EFFECT = (
    "No invoice of it was accepted, they may be sent again: the submit task's next try does so. Clear the "
    "task where no try is left."
)
_UNKNOWN_EFFECT = "Look at its invoices in KSeF before you send any of them again; no task does by itself."
_TOO_MANY = (
    "KSeF takes fewer invoices in a session than this one held, and should have accepted none. "
    f"{_UNKNOWN_EFFECT} Then name fewer files for each task."
)
_MEND = "mend the rejected ones and send only those"
_AS_THEY_ARE = "send the rejected ones again as they are, for KSeF did not judge them"


def may_send_again(status: SessionStatus) -> bool:
    """Whether a session certainly had no effect, so that its invoices may be sent in a new one."""
    return status.is_open or (status.code in UNJUDGED_CODES and not status.accepted_count)


def check_judged(status: SessionStatus) -> None:
    """
    Refuse a session that ended without a status of its own for each invoice.

    :raises KsefSessionError: with KSeF's reason, and whether the invoices may be sent again.
    """
    if status.code in JUDGED_CODES:
        return
    if may_send_again(status):
        remedy = _NO_EFFECT
    else:
        remedy = _TOO_MANY if status.code == TOO_MANY_CODE else _UNKNOWN_EFFECT
    what = f"Session {status.reference_number}"
    raise KsefSessionError(what, status.code, status.description, status.details, remedy)


def rejections_of(failed: Sequence[SessionInvoice], files: Mapping[str, InvoicePath]) -> list[dict[str, Any]]:
    """
    List what KSeF rejected, at most :data:`MAX_REJECTIONS`.

    :param failed: the rejected invoices.
    :param files: by the invoice's reference number; without one its name in the package is told, which an
        interactive session does not have.
    """
    return [
        {
            "file": file.shown if (file := files.get(invoice.reference_number)) else invoice.file_name,
            "invoice_number": invoice.invoice_number,
            "code": invoice.code,
            "description": invoice.description,
            "details": list(invoice.details),
        }
        for invoice in failed[:MAX_REJECTIONS]
    ]


def without_accepted(
    failed: Sequence[SessionInvoice], duplicates: Mapping[str, Duplicate]
) -> tuple[list[SessionInvoice], int]:
    """
    Leave out the duplicates of the very same invoice: KSeF has accepted them before.

    :param failed: the session's rejected invoices.
    :param duplicates: what the duplicates among them are, by their reference numbers.
    :returns: the others, and how many were left out.
    """
    left = [
        invoice
        for invoice in failed
        if (judged := duplicates.get(invoice.reference_number)) is None or judged.verdict != ALREADY_ACCEPTED
    ]
    return left, len(failed) - len(left)


def batch_result(
    sessions: Sequence[str],
    invoice_count: int,
    accepted: int | None,
    rejected: int | None,
    rejections: list[dict[str, Any]] | None,
    *,
    code: int | None = None,
) -> dict[str, Any]:
    """
    Make the result that every operator and sensor gives of sessions; None where it was not waited for.

    :param sessions: reference numbers, at least one, in the order in which they were opened.
    :param code: KSeF's status code of the last of them.
    """
    return {
        "session_reference_number": sessions[-1],
        "sessions": list(sessions),
        "code": code,
        "status": outcome(accepted, rejected),
        "invoice_count": invoice_count,
        "accepted": accepted,
        "rejected": rejected,
        "rejections": rejections,
    }


def outcome(accepted: int | None, rejected: int | None) -> str | None:
    """Name what became of the invoices together, for KSeF's own code is 200 with a single accepted one."""
    if accepted is None:
        return None
    if not accepted:
        return ALL_REJECTED
    return PARTLY_ACCEPTED if rejected else ALL_ACCEPTED


def rejection_line(rejection: Mapping[str, Any]) -> str:
    """Tell one rejection in a line."""
    details = f" ({'; '.join(rejection['details'])})" if rejection["details"] else ""
    named = rejection["file"] or rejection["invoice_number"]
    return f"{named}: {rejection['code']} {rejection['description']}{details}"


def failure_message(result: Mapping[str, Any], result_key: str) -> str:
    """Say why the task fails and what to do with the invoices of either kind."""
    first = "\n".join(rejection_line(rejection) for rejection in result["rejections"][:SHOWN_REJECTIONS])
    return (
        f"KSeF rejected {result['rejected']} of {result['invoice_count']} invoices in session "
        f"{', '.join(result['sessions'])}. The accepted ones are in KSeF for good: {_what_to_do(result)}. "
        f'All are listed in the XCom "{result_key}". The first:\n{first}'
    )


def _what_to_do(result: Mapping[str, Any]) -> str:
    """Tell files that are wrong from those that KSeF turned away for a reason of its own."""
    undecided = sum(rejection["code"] in UNDECIDED_CODES for rejection in result["rejections"])
    if not undecided:
        return _MEND
    if undecided == result["rejected"]:
        return _AS_THEY_ARE
    codes = ", ".join(map(str, UNDECIDED_CODES))
    return f"{_MEND}; those with code {codes} KSeF did not judge: send them again as they are"
