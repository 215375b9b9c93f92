"""Collective identifiers: one number for several invoices of a seller that are paid together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.collected_invoices import CollectedInvoice, Payment
from airflow_provider_ksef.client.identifiers import check_collective_identifier, check_ksef_number
from airflow_provider_ksef.client.input_checks import moment_text
from airflow_provider_ksef.client.paging import TokenPage, read_by_token
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError

LEAST_INVOICES, MOST_INVOICES = 2, 5000
"""Invoices of one identifier; the context's own limit, mostly 500, is told by ``GET /limits/context``."""
LONGEST_RANGE = timedelta(days=100)
_MOST_NUMBERS = 10
_PAGE_SIZE, _INVOICE_PAGE_SIZE = 200, 500
_NO_SUCH_ENDPOINT = (404, 405)
_NIP_DIGITS = 10


@dataclass(frozen=True)
class CollectiveIdentifier:
    """
    An identifier that exists.

    :param collective_identifier_number: itself.
    :param date_created: UTC.
    :param created_in_current_context: whether the connection's context made it.
    :param invoice_count: invoices under it, where KSeF says.
    """

    collective_identifier_number: str
    date_created: datetime
    created_in_current_context: bool
    invoice_count: int | None = None


@dataclass(frozen=True)
class InvoiceOfIdentifier:
    """
    An invoice under an identifier.

    :param ksef_number: of the invoice.
    :param collective_identifier_number: that it is under.
    :param payment: what is paid for it; None where that was not said, or is hidden.
    :param description: likewise.
    :param details_hidden: whether payment and description are hidden from the connection's context.
    """

    ksef_number: str
    collective_identifier_number: str
    payment: Payment | None
    description: str | None
    details_hidden: bool


class _Generated(msgspec.Struct, rename="camel"):
    collective_identifier_number: str


class _Identifier(msgspec.Struct, rename="camel"):
    collective_identifier_number: str
    date_created: str
    created_in_current_context: bool
    invoice_count: int | None = None


class _Page(msgspec.Struct, rename="camel"):
    collective_identifiers: list[_Identifier]
    continuation_token: str | None = None


class _Invoice(msgspec.Struct, rename="camel"):
    ksef_number: str
    details_hidden: bool
    collective_identifier_number: str = ""
    payment: Payment | None = None
    description: str | None = None


class _InvoicePage(msgspec.Struct, rename="camel"):
    invoices: list[_Invoice]
    continuation_token: str | None = None


def generate(invoices: Sequence[CollectedInvoice]) -> Call[str]:
    """
    Give invoices of one seller a number for all of them (``POST /collective-identifiers``).

    :param invoices: 2 or more, each once; KSeF takes 500 unless the context's limit is another one.
    :returns: the collective identifier.
    :raises KsefInputError: where they are too few or too many, one is there twice, or there are several
        sellers.
    :raises KsefApiError: 71001 where KSeF has no such invoice, 71002 where one is under 132 identifiers.
    """
    if not LEAST_INVOICES <= len(invoices) <= MOST_INVOICES:
        raise KsefInputError(
            "invoices",
            len(invoices),
            f"is their number, and KSeF takes {LEAST_INVOICES} to {MOST_INVOICES} of them",
            "Give so many invoices of one seller.",
        )
    numbers = [invoice.ksef_number for invoice in invoices]
    if twice := sorted(number for number, count in Counter(numbers).items() if count > 1):
        raise KsefInputError("invoices", twice, "are there twice (KSeF: 71005)", "Give each invoice once.")
    sellers = sorted({number[:_NIP_DIGITS] for number in numbers})
    if len(sellers) > 1:
        raise KsefInputError(
            "invoices", sellers, "are several sellers (KSeF: 71004)", "Make an identifier for each seller."
        )
    body = {"invoices": [invoice.to_json() for invoice in invoices]}
    return Call("POST", "/collective-identifiers", _parse_generated, body=body)


def query(
    date_created_from: datetime,
    date_created_to: datetime,
    *,
    collective_identifier_number: str | None = None,
    invoice_count_from: int | None = None,
    invoice_count_to: int | None = None,
    created_in_current_context: bool | None = None,
) -> Flow[list[CollectiveIdentifier]]:
    """
    List identifiers, the latest first (``POST /collective-identifiers/query``), all pages.

    These are the context's own; a company sees also those that others made of its sales.

    :param date_created_from: with a time zone, inclusive.
    :param date_created_to: likewise, 100 days later at most.
    :param collective_identifier_number: exact.
    :param invoice_count_from: lower bound.
    :param invoice_count_to: upper bound.
    :param created_in_current_context: only the context's own, or only those of others.
    :raises KsefInputError: where a value is wrong.
    """
    conditions = {
        "dateCreatedFrom": moment_text("date_created_from", date_created_from),
        "dateCreatedTo": moment_text("date_created_to", date_created_to),
        "collectiveIdentifierNumber": collective_identifier_number,
        "invoiceCountFrom": invoice_count_from,
        "invoiceCountTo": invoice_count_to,
        "createdInCurrentContext": created_in_current_context,
    }
    if not timedelta(0) <= date_created_to - date_created_from <= LONGEST_RANGE:
        raise KsefInputError(
            "date_created_to",
            conditions["dateCreatedTo"],
            "is not within 100 days after date_created_from",
            "Ask for several shorter ranges.",
        )
    if collective_identifier_number is not None:
        check_collective_identifier(collective_identifier_number)
    body = {name: value for name, value in conditions.items() if value is not None}
    return read_by_token(
        lambda headers: Call(
            "POST",
            "/collective-identifiers/query",
            _parse_page,
            body=body,
            params={"pageSize": _PAGE_SIZE},
            headers=headers,
            is_safe=True,
        )
    )


def query_by_ksef_number(ksef_number: str) -> Flow[list[CollectiveIdentifier]]:
    """
    List the identifiers that an invoice is under (``GET /collective-identifiers/ksef/{ksefNumber}``).

    :param ksef_number: of the invoice.
    :raises KsefInputError: where it is no KSeF number.
    """
    path = f"/collective-identifiers/ksef/{check_ksef_number(ksef_number)}"
    params = {"pageSize": _PAGE_SIZE}
    return read_by_token(
        lambda headers: Call("GET", path, _parse_page, params=params, headers=headers, is_safe=True)
    )


def list_invoices(collective_identifier_numbers: Sequence[str]) -> Flow[list[InvoiceOfIdentifier]]:
    """
    List the invoices under identifiers (``POST /collective-identifiers/invoices``), all pages.

    Where KSeF is still at version 2.7 it is ``GET /collective-identifiers/{number}/invoices`` for each one.

    :param collective_identifier_numbers: one or more; ten are asked for at a time.
    :raises KsefInputError: where there is none, or one is no collective identifier.
    """
    if isinstance(collective_identifier_numbers, str) or not collective_identifier_numbers:
        raise KsefInputError(
            "collective_identifier_numbers",
            collective_identifier_numbers,
            "is no list of one or more",
            "Give a list of collective identifiers.",
        )
    numbers = [
        check_collective_identifier(each, "collective_identifier_numbers")
        for each in dict.fromkeys(collective_identifier_numbers)
    ]
    return _list_invoices(numbers)


def _list_invoices(numbers: Sequence[str]) -> Flow[list[InvoiceOfIdentifier]]:
    invoices: list[InvoiceOfIdentifier] = []
    for start in range(0, len(numbers), _MOST_NUMBERS):
        chunk = numbers[start : start + _MOST_NUMBERS]
        try:
            invoices += yield from _list_by_post(chunk)
        except KsefApiError as error:
            if error.fault.http_status not in _NO_SUCH_ENDPOINT:
                raise
            for number in chunk:
                invoices += yield from _list_by_get(number)
    return invoices


def _list_by_post(numbers: Sequence[str]) -> Flow[list[InvoiceOfIdentifier]]:
    body = {"collectiveIdentifierNumbers": list(numbers)}
    return read_by_token(
        lambda headers: Call(
            "POST",
            "/collective-identifiers/invoices",
            _parse_invoices,
            body=body,
            params={"pageSize": _INVOICE_PAGE_SIZE},
            headers=headers,
            is_safe=True,
        )
    )


def _list_by_get(number: str) -> Flow[list[InvoiceOfIdentifier]]:
    path, params = f"/collective-identifiers/{number}/invoices", {"pageSize": _PAGE_SIZE}
    found = yield from read_by_token(
        lambda headers: Call("GET", path, _parse_invoices, params=params, headers=headers, is_safe=True)
    )
    return [replace(each, collective_identifier_number=number) for each in found]


def _identifier(answer: _Identifier) -> CollectiveIdentifier:
    return CollectiveIdentifier(
        answer.collective_identifier_number,
        moment(answer.date_created),
        answer.created_in_current_context,
        answer.invoice_count,
    )


def _page(answer: _Page) -> TokenPage[CollectiveIdentifier]:
    return TokenPage(list(map(_identifier, answer.collective_identifiers)), answer.continuation_token)


def _invoice_page(answer: _InvoicePage) -> TokenPage[InvoiceOfIdentifier]:
    invoices = [
        InvoiceOfIdentifier(
            ksef_number=each.ksef_number,
            collective_identifier_number=each.collective_identifier_number,
            payment=each.payment,
            description=each.description,
            details_hidden=each.details_hidden,
        )
        for each in answer.invoices
    ]
    return TokenPage(invoices, answer.continuation_token)


_parse_generated = json_parser(_Generated, lambda told: told.collective_identifier_number)
_parse_page = json_parser(_Page, _page)
_parse_invoices = json_parser(_InvoicePage, _invoice_page)
