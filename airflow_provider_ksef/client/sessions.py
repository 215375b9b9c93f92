"""Status of a session and of the invoices in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser
from airflow_provider_ksef.client.calls import Call, Flow, Pause
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.paging import TokenPage, read_by_token
from airflow_provider_ksef.client.session_invoices import SessionInvoice, read_invoice
from airflow_provider_ksef.exceptions import KsefApiError

OPEN = 100
_UNFINISHED = (OPEN, 150, 170)
_PAGE_SIZE = 1000
_UNKNOWN_SESSION = 21173
STORING_PAUSES = (2.0, 8.0)
"""Seconds in which KSeF mostly stores for good what it has numbered."""
_UNKNOWN_PAUSES = (1.0, 3.0)
"""Seconds between tries where a session is unknown, as a new one may be for a moment."""


@dataclass(frozen=True)
class UpoPage:
    """
    One page of a session's confirmation of receipt (UPO), for at most 10,000 invoices.

    :param reference_number: of the page.
    :param download_url: pre-signed, renewed at each reading of the status.
    :param expiration: until when the link works, as KSeF writes it.
    """

    reference_number: str
    download_url: str = field(repr=False)
    expiration: str


@dataclass(frozen=True)
class SessionStatus:
    """
    What became of a session so far.

    :param reference_number: of the session.
    :param code: KSeF's status code (behaviour by kind: 100 open, 150/170 processing, 200 done ...).
    :param description: KSeF's text for the code.
    :param details: KSeF's sub-causes.
    :param date_created: as KSeF writes it.
    :param valid_until: as KSeF writes it, where it does.
    :param invoice_count: invoices found in the session, where KSeF already says.
    :param accepted_count: invoices that got a KSeF number.
    :param rejected_count: invoices that did not.
    :param upo_pages: the confirmation, once it is made.
    """

    reference_number: str
    code: int
    description: str
    details: tuple[str, ...]
    date_created: str
    valid_until: str | None
    invoice_count: int | None
    accepted_count: int | None
    rejected_count: int | None
    upo_pages: tuple[UpoPage, ...]

    @property
    def is_open(self) -> bool:
        """Whether the session waits for uploads and its close."""
        return self.code == OPEN

    @property
    def is_final(self) -> bool:
        """Whether KSeF has finished with the session."""
        return self.code not in _UNFINISHED


class _UpoPage(msgspec.Struct, rename="camel"):
    reference_number: str
    download_url: str
    download_url_expiration_date: str = ""


class _Upo(msgspec.Struct):
    pages: list[_UpoPage]


class _Session(msgspec.Struct, rename="camel"):
    status: StatusInfo
    date_created: str
    valid_until: str | None = None
    upo: _Upo | None = None
    invoice_count: int | None = None
    successful_invoice_count: int | None = None
    failed_invoice_count: int | None = None


class _InvoicePage(msgspec.Struct, rename="camel"):
    invoices: list[msgspec.Raw]
    continuation_token: str | None = None


def get_status(reference_number: str) -> Flow[SessionStatus]:
    """
    Read a session's status (``GET /sessions/{referenceNumber}``), online or batch.

    :param reference_number: of the session.
    :raises KsefInputError: where it is no reference number.
    :raises KsefApiError: code 21173 where KSeF does not know the session.
    """

    def build(answer: _Session) -> SessionStatus:
        return _status(reference_number, answer)

    path = _path(reference_number)
    call = Call("GET", path, json_parser(_Session, build), is_safe=True)
    for seconds in _UNKNOWN_PAUSES:
        try:
            return (yield from call)
        except KsefApiError as error:
            if error.fault.code != _UNKNOWN_SESSION:
                raise
        yield from Pause(seconds)
    return (yield from call)


def get_invoice(reference_number: str, invoice_reference_number: str) -> Call[SessionInvoice]:
    """
    Read what became of one invoice (``GET /sessions/{referenceNumber}/invoices/{invoiceReferenceNumber}``).

    :param reference_number: of the session.
    :param invoice_reference_number: of the invoice, as KSeF gave it when it was sent.
    """
    invoice = check_reference_number(invoice_reference_number, "invoice_reference_number")
    return Call("GET", f"{_path(reference_number)}/invoices/{invoice}", _parse_invoice, is_safe=True)


def list_invoices(reference_number: str) -> Flow[list[SessionInvoice]]:
    """
    List the invoices of a session (``GET /sessions/{referenceNumber}/invoices``), all pages.

    :param reference_number: of the session.
    """
    return _list(f"{_path(reference_number)}/invoices")


def list_stored_invoices(reference_number: str) -> Flow[list[SessionInvoice]]:
    """
    List the invoices of a session once the accepted ones have their permanent storage dates, which KSeF gives
    a little after their numbers; those that still have none some seconds later are listed without.

    :param reference_number: of the session.
    """
    for seconds in STORING_PAUSES:
        yield from Pause(seconds)
        invoices = yield from list_invoices(reference_number)
        if all(map(is_stored, invoices)):
            break
    return invoices


def is_stored(invoice: SessionInvoice) -> bool:
    """Whether KSeF has stored an invoice for good, if it has accepted it."""
    return invoice.permanent_storage_date is not None or not invoice.is_accepted


def list_failed_invoices(reference_number: str) -> Flow[list[SessionInvoice]]:
    """
    List the rejected invoices of a session (``.../invoices/failed``), all pages.

    :param reference_number: of the session.
    """
    return _list(f"{_path(reference_number)}/invoices/failed")


def _path(reference_number: str) -> str:
    return f"/sessions/{check_reference_number(reference_number, 'session_reference_number')}"


def _list(path: str) -> Flow[list[SessionInvoice]]:
    params = {"pageSize": _PAGE_SIZE}
    return read_by_token(
        lambda headers: Call("GET", path, _parse_page, params=params, headers=headers, is_safe=True)
    )


def _page(page: _InvoicePage) -> TokenPage[SessionInvoice]:
    return TokenPage(list(map(read_invoice, page.invoices)), page.continuation_token)


_parse_page = json_parser(_InvoicePage, _page)
_parse_invoice = json_parser(msgspec.Raw, read_invoice)


def _status(reference_number: str, answer: _Session) -> SessionStatus:
    return SessionStatus(
        reference_number=reference_number,
        code=answer.status.code,
        description=answer.status.description,
        details=tuple(answer.status.details or ()),
        date_created=answer.date_created,
        valid_until=answer.valid_until,
        invoice_count=answer.invoice_count,
        accepted_count=answer.successful_invoice_count,
        rejected_count=answer.failed_invoice_count,
        upo_pages=tuple(
            UpoPage(page.reference_number, page.download_url, page.download_url_expiration_date)
            for page in (answer.upo.pages if answer.upo else ())
        ),
    )
