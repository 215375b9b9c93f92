"""The sessions of a context, found by kind, date and outcome."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser, moment
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.input_checks import check_choice, check_choices, moment_text
from airflow_provider_ksef.client.paging import TokenPage, read_by_token

SESSION_TYPES = ("Online", "Batch")
SESSION_STATUSES = ("InProgress", "Succeeded", "Failed", "Cancelled")
PAGE_SIZE = 100


@dataclass(frozen=True)
class ListedSession:
    """
    What a list tells of a session.

    :param reference_number: of the session.
    :param code: KSeF's status code.
    :param description: KSeF's text for the code.
    :param date_created: UTC.
    :param date_updated: when an invoice was last sent or the status last changed, UTC.
    :param valid_until: when an open one ends by itself, UTC, where KSeF says.
    :param total_invoice_count: those in work included.
    :param successful_invoice_count: invoices that got a KSeF number.
    :param failed_invoice_count: invoices that did not.
    """

    reference_number: str
    code: int
    description: str
    date_created: datetime
    date_updated: datetime
    valid_until: datetime | None
    total_invoice_count: int
    successful_invoice_count: int
    failed_invoice_count: int


class _Session(msgspec.Struct, rename="camel"):
    reference_number: str
    status: StatusInfo
    date_created: str
    date_updated: str
    valid_until: str | None = None
    total_invoice_count: int = 0
    successful_invoice_count: int = 0
    failed_invoice_count: int = 0


class _Page(msgspec.Struct, rename="camel"):
    sessions: list[_Session]
    continuation_token: str | None = None


def query(
    session_type: str,
    *,
    date_created_from: datetime | None = None,
    date_created_to: datetime | None = None,
    date_closed_from: datetime | None = None,
    date_closed_to: datetime | None = None,
    date_modified_from: datetime | None = None,
    date_modified_to: datetime | None = None,
    statuses: Collection[str] = (),
) -> Flow[list[ListedSession]]:
    """
    List sessions of the connection's context, the newest first (``GET /sessions``), all pages.

    With ``Introspection`` or ``EnforcementOperations`` these are all of the context, else the caller's own.

    :param session_type: ``Online`` or ``Batch``.
    :param date_created_from: with a time zone, as all dates here; bounds are inclusive.
    :param date_created_to: likewise.
    :param date_closed_from: likewise.
    :param date_closed_to: likewise.
    :param date_modified_from: likewise, of the last invoice or change of status.
    :param date_modified_to: likewise.
    :param statuses: any of ``InProgress``, ``Succeeded``, ``Failed``, ``Cancelled``; all where there is none.
    :raises KsefInputError: where a value is wrong.
    """
    check_choice("session_type", session_type, SESSION_TYPES)
    dates = {
        ("date_created_from", "dateCreatedFrom"): date_created_from,
        ("date_created_to", "dateCreatedTo"): date_created_to,
        ("date_closed_from", "dateClosedFrom"): date_closed_from,
        ("date_closed_to", "dateClosedTo"): date_closed_to,
        ("date_modified_from", "dateModifiedFrom"): date_modified_from,
        ("date_modified_to", "dateModifiedTo"): date_modified_to,
    }
    params: dict[str, str | int | Sequence[str]] = {"sessionType": session_type, "pageSize": PAGE_SIZE}
    for (field, name), value in dates.items():
        if value is not None:
            params[name] = moment_text(field, value)
    if statuses:
        params["statuses"] = check_choices("statuses", statuses, SESSION_STATUSES)
    return read_by_token(lambda headers: page_call(params, headers))


def page_call(
    params: dict[str, str | int | Sequence[str]], headers: dict[str, str]
) -> Call[TokenPage[ListedSession]]:
    """
    Read one page of the list.

    :param params: the query, as KSeF names it.
    :param headers: say which page it is; empty for the first one.
    """
    return Call("GET", "/sessions", _parse_page, params=params, headers=headers, is_safe=True)


def _session(answer: _Session) -> ListedSession:
    return ListedSession(
        reference_number=answer.reference_number,
        code=answer.status.code,
        description=answer.status.description,
        date_created=moment(answer.date_created),
        date_updated=moment(answer.date_updated),
        valid_until=None if answer.valid_until is None else moment(answer.valid_until),
        total_invoice_count=answer.total_invoice_count,
        successful_invoice_count=answer.successful_invoice_count,
        failed_invoice_count=answer.failed_invoice_count,
    )


def _page(answer: _Page) -> TokenPage[ListedSession]:
    return TokenPage(list(map(_session, answer.sessions)), answer.continuation_token)


_parse_page = json_parser(_Page, _page)
