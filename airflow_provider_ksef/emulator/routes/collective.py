"""Collective identifiers: making them, finding them, and reading what is under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path
from pydantic import Field, field_validator

from airflow_provider_ksef.emulator.access import Caller, Collector, Here
from airflow_provider_ksef.emulator.collecting import collect
from airflow_provider_ksef.emulator.currencies import CURRENCIES
from airflow_provider_ksef.emulator.date_ranges import is_within_days
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.numbers import normalize_ksef_number
from airflow_provider_ksef.emulator.paging import (
    ContinuationToken,
    PageSize,
    check_page_size,
    read_position,
    write_position,
)
from airflow_provider_ksef.emulator.searching import read_moment
from airflow_provider_ksef.emulator.store.collective import Collected, Collective
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse, present

router = APIRouter(prefix="/collective-identifiers", tags=["Identyfikatory zbiorcze"])
KsefNumber = Annotated[
    str,
    Field(pattern=r"^[1-9][0-9]{9}-[2-9][0-9]{3}[01][0-9][0-3][0-9]-[0-9A-F]{6}-?[0-9A-F]{6}-[0-9A-F]{2}$"),
]
T = TypeVar("T")

_MOST, _MOST_INVOICES = 200, 500


class PaymentBody(WireModel):
    """What is paid for an invoice."""

    amount: float = Field(allow_inf_nan=False)
    currency: str

    @field_validator("currency")
    @classmethod
    def _is_known(cls, currency: str) -> str:
        if currency.upper() not in CURRENCIES:
            raise ValueError(f"{currency} is not a currency")
        return currency.upper()


class InvoiceBody(WireModel):
    """An invoice that is to be under the identifier."""

    ksef_number: KsefNumber
    payment: PaymentBody | None = None
    description: str | None = Field(default=None, max_length=512)

    def collected(self) -> Collected:
        payment = self.payment
        return Collected(
            normalize_ksef_number(self.ksef_number),
            payment.amount if payment else None,
            payment.currency if payment else None,
            self.description,
        )


class CollectiveBody(WireModel):
    """The invoices of one identifier."""

    invoices: list[InvoiceBody]


class QueryBody(WireModel):
    """Which identifiers are looked for."""

    date_created_from: str
    date_created_to: str
    collective_identifier_number: str | None = None
    invoice_count_from: int | None = None
    invoice_count_to: int | None = None
    created_in_current_context: bool | None = None

    def dates(self) -> tuple[int, int]:
        """The bounds in ticks, both inclusive."""
        start = read_moment("dateCreatedFrom", self.date_created_from)
        end = read_moment("dateCreatedTo", self.date_created_to)
        if start > end:
            raise Invalid("'dateCreatedTo' must be greater than or equal to 'dateCreatedFrom'.")
        if not is_within_days(start, end):
            raise Invalid("'dateCreatedFrom' and 'dateCreatedTo' must not be more than 100 days apart.")
        return start, end

    def admits(self, collective: Collective, context: str) -> bool:
        """Whether an identifier fits all but the dates."""
        most = collective.count if self.invoice_count_to is None else self.invoice_count_to
        is_own = collective.context == context
        return (
            self.collective_identifier_number in (None, collective.number)
            and (self.invoice_count_from or 0) <= collective.count <= most
            and self.created_in_current_context in (None, is_own)
        )


class NumbersBody(WireModel):
    """The identifiers whose invoices are wanted."""

    collective_identifier_numbers: list[str] = Field(min_length=1, max_length=10)


@router.post("", summary="Generowanie identyfikatora zbiorczego", status_code=201)
def make_collective_identifier(body: CollectiveBody, caller: Collector, emulator: Here) -> WireResponse:
    """Give invoices of one seller a number for all of them."""
    collective = collect(emulator, caller, [invoice.collected() for invoice in body.invoices])
    return WireResponse({"collectiveIdentifierNumber": collective.number}, status_code=201)


@router.post("/query", summary="Pobranie listy identyfikatorów zbiorczych powiązanych z kontekstem")
def query_collective_identifiers(
    body: QueryBody,
    caller: Collector,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """Identifiers that were made in the context or of its own sales, the latest first."""
    start, end = body.dates()
    seller = caller.context_value if caller.context_type == "Nip" else None
    found = [
        each
        for each in emulator.collective.visible(caller.context, seller)
        if start <= each.created <= end and body.admits(each, caller.context)
    ]
    page, following = _cut(found, token, page_size, _MOST)
    listed = [{**_describe(each, caller), "invoiceCount": each.count} for each in page]
    return WireResponse(present(continuationToken=following, collectiveIdentifiers=listed))


@router.post("/invoices", summary="Pobranie listy faktur wchodzących w skład identyfikatorów zbiorczych")
def list_invoices_of_many(
    body: NumbersBody,
    caller: Collector,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """The invoices under up to ten identifiers; KSeF has this since 2.8."""
    numbers = list(dict.fromkeys(body.collective_identifier_numbers))
    page, following = _cut(emulator.collective.invoices(numbers), token, page_size, _MOST_INVOICES)
    listed = [
        {
            "collectiveIdentifierNumber": collective.number,
            **_describe_invoice(emulator, caller, collective, each),
        }
        for collective, each in page
    ]
    return WireResponse(present(continuationToken=following, invoices=listed))


@router.get(
    "/{collectiveIdentifierNumber}/invoices",
    summary="Pobranie listy faktur wchodzących w skład identyfikatora zbiorczego",
)
def list_invoices_of_one(
    number: Annotated[str, Path(alias="collectiveIdentifierNumber")],
    caller: Collector,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """The invoices under one identifier; KSeF had this in 2.7."""
    page, following = _cut(emulator.collective.invoices([number]), token, page_size, _MOST)
    listed = [_describe_invoice(emulator, caller, collective, each) for collective, each in page]
    return WireResponse(present(continuationToken=following, invoices=listed))


@router.get("/ksef/{ksefNumber}", summary="Pobranie listy identyfikatorów zbiorczych po numerze KSeF")
def list_identifiers_of_invoice(
    ksef_number: Annotated[KsefNumber, Path(alias="ksefNumber")],
    caller: Collector,
    emulator: Here,
    page_size: PageSize = 10,
    token: ContinuationToken = None,
) -> WireResponse:
    """The identifiers that an invoice is under, the latest first."""
    number = normalize_ksef_number(ksef_number)
    is_party = emulator.invoices.locate(number, caller.context_value) is not None
    found = [
        each for each in emulator.collective.of_invoice(number) if is_party or each.context == caller.context
    ]
    page, following = _cut(found, token, page_size, _MOST)
    listed = [_describe(each, caller) for each in page]
    return WireResponse(present(continuationToken=following, collectiveIdentifiers=listed))


def _cut(found: Sequence[T], token: str | None, size: int, most: int) -> tuple[Sequence[T], str | None]:
    check_page_size(size, most)
    start = read_position(token)
    following = write_position(start + size) if len(found) > start + size else None
    return found[start : start + size], following


def _describe(collective: Collective, caller: Caller) -> dict[str, Any]:
    return {
        "collectiveIdentifierNumber": collective.number,
        "dateCreated": format_moment(collective.created),
        "createdInCurrentContext": collective.context == caller.context,
    }


def _describe_invoice(
    emulator: Emulator, caller: Caller, collective: Collective, invoice: Collected
) -> dict[str, Any]:
    may_see = (
        collective.context == caller.context
        or emulator.invoices.locate(invoice.ksef_number, caller.context_value) is not None
    )
    if not may_see:
        return {"ksefNumber": invoice.ksef_number, "detailsHidden": invoice.has_details}
    payment = None
    if invoice.amount is not None:
        payment = {"amount": invoice.amount, "currency": invoice.currency}
    return present(
        ksefNumber=invoice.ksef_number,
        payment=payment,
        description=invoice.description,
        detailsHidden=False,
    )
