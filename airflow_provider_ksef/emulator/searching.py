"""From the filters of a request to a query, and where the high-water mark bounds it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from airflow_provider_ksef.emulator.choices import (
    AmountType,
    BuyerType,
    DateType,
    FormType,
    InvoiceType,
    InvoicingMode,
    SubjectType,
)
from airflow_provider_ksef.emulator.currencies import CURRENCIES
from airflow_provider_ksef.emulator.date_ranges import LongestRange, check_range
from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.hwm import HighWaterMark
from airflow_provider_ksef.emulator.moments import (
    WARSAW,
    format_moment,
    parse_moment,
    polish_day,
)
from airflow_provider_ksef.emulator.numbers import KSEF_NUMBER, normalize_ksef_number
from airflow_provider_ksef.emulator.query import InvoiceQuery
from airflow_provider_ksef.emulator.wire import WireModel

BEYOND_MARK = (
    "Parametr dateRange.from jest późniejszy niż PermanentStorageHwmDate przy włączonym "
    "restrictToPermanentStorageHwmDate."
)
_FIRST, _LAST = parse_moment("1900-01-01"), parse_moment("2999-12-31")
_NIP = re.compile(r"[1-9](\d[1-9]|[1-9]\d)\d{7}", re.ASCII)
_AMOUNT_COLUMNS = {"Brutto": "gross", "Netto": "net", "Vat": "vat"}


class BeyondMark(Exception):  # noqa: N818  it says what happened
    """The range begins after the high-water mark."""


class DateRange(WireModel):
    """Which date is meant, and its bounds, both inclusive."""

    date_type: DateType
    from_: str = Field(alias="from", json_schema_extra={"format": "date-time"})
    to: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    restrict_to_permanent_storage_hwm_date: bool | None = None


Amount = Annotated[Decimal, Field(ge=-(10**16), le=10**16)]


class AmountFilter(WireModel):
    """Bounds of an amount, both inclusive."""

    type: AmountType
    from_: Amount | None = Field(default=None, alias="from")
    to: Amount | None = None


class BuyerFilter(WireModel):
    """Who the buyer is."""

    type: BuyerType
    value: str | None = Field(default=None, max_length=50)


class InvoiceFilters(WireModel):
    """The filters of the metadata query and of exports."""

    subject_type: SubjectType
    date_range: DateRange
    ksef_number: str | None = None
    invoice_number: str | None = Field(default=None, max_length=256)
    amount: AmountFilter | None = None
    seller_nip: str | None = None
    buyer_identifier: BuyerFilter | None = None
    currency_codes: list[str] | None = None
    invoicing_mode: InvoicingMode | None = None
    is_self_invoicing: bool | None = None
    form_type: FormType | None = None
    invoice_types: list[InvoiceType] | None = None
    has_attachment: bool | None = None

    def to_query(self, party: str, now: int, longest: LongestRange) -> InvoiceQuery:
        """
        Give the query of these filters for one party.

        :raises Invalid: where dates or numbers are wrong.
        """
        self._check_formats()
        start, end = _bounds(self.date_range, now)
        check_range(start, end, longest)
        by_day = self.date_range.date_type == "Issue"
        return InvoiceQuery(
            party=party,
            subject_type=self.subject_type,
            date_type=self.date_range.date_type,
            start=polish_day(start).toordinal() if by_day else start,
            end=polish_day(end).toordinal() if by_day else end,
            known_at=now,
            is_restricted=bool(self.date_range.restrict_to_permanent_storage_hwm_date),
            exact=self._exact(),
            any_of=self._any_of(),
            amount=_amount(self.amount),
        )

    def _check_formats(self) -> None:
        wrong = [
            f"'{name}' is not in the correct format."
            for name, pattern, value in (
                ("ksefNumber", KSEF_NUMBER, self.ksef_number),
                ("sellerNip", _NIP, self.seller_nip),
            )
            if value is not None and not pattern.fullmatch(value)
        ]
        wrong += [
            f"'currencyCodes[{place}]' has a range of values which does not include '{code}'."
            for place, code in enumerate(self.currency_codes or ())
            if code.upper() not in CURRENCIES
        ]
        if wrong:
            raise Invalid(*wrong)

    def _exact(self) -> dict[str, str | int]:
        buyer = self.buyer_identifier
        wanted = {
            "ksef_number": normalize_ksef_number(self.ksef_number) if self.ksef_number else None,
            "invoice_number": self.invoice_number,
            "seller_nip": self.seller_nip,
            "buyer_type": buyer.type if buyer else None,
            "buyer_value": buyer.value if buyer else None,
            "mode": self.invoicing_mode,
            "is_self_invoicing": self.is_self_invoicing,
            "form_value": "FA_RR" if self.form_type == "RR" else self.form_type,
            "has_attachment": self.has_attachment,
        }
        return {column: value for column, value in wanted.items() if value is not None}

    def _any_of(self) -> dict[str, list[str]]:
        wanted: dict[str, list[str] | None] = {
            "currency": [code.upper() for code in self.currency_codes or ()],
            "invoice_type": list(self.invoice_types or ()),
        }
        return {column: values for column, values in wanted.items() if values}


def bound_by_mark(mark: HighWaterMark, query: InvoiceQuery, current: int) -> tuple[InvoiceQuery, str | None]:
    """
    Bound a query by the high-water mark where it asks for it.

    :param current: the mark as it stands for this query, in ticks.
    :return: the query to run and the mark to tell, which is promised by then.
    :raises BeyondMark: where the range begins after it.
    """
    if not query.is_by_storage:
        return query, None
    told = min(query.end, current)
    if query.is_restricted:
        if query.start > current:
            raise BeyondMark(BEYOND_MARK)
        query = query.until(told)
    mark.promise(told)
    return query, format_moment(told)


def read_moment(name: str, text: str) -> int:
    """
    Read a date-time of a request; without offset it is Polish time.

    :raises Invalid: where it is none.
    """
    try:
        moment = parse_moment(text, zone=WARSAW)
    except (ValueError, OverflowError):
        raise Invalid(f"'{name}' is not a valid date-time. You entered {text}.") from None
    if not _FIRST <= moment <= _LAST:
        raise Invalid(f"'{name}' must be between {format_moment(_FIRST)} and {format_moment(_LAST)}.")
    return moment


def _bounds(dates: DateRange, now: int) -> tuple[int, int]:
    start = read_moment("dateRange.from", dates.from_)
    end = now if dates.to is None else read_moment("dateRange.to", dates.to)
    if start > end and dates.to is not None:
        raise Invalid("'dateRange.to' must be greater than or equal to 'dateRange.from'.")
    return start, max(start, end)


def _amount(wanted: AmountFilter | None) -> tuple[str, int | None, int | None] | None:
    if wanted is None:
        return None
    low = None if wanted.from_ is None else int(wanted.from_.scaleb(2).to_integral_value("ROUND_CEILING"))
    high = None if wanted.to is None else int(wanted.to.scaleb(2).to_integral_value("ROUND_FLOOR"))
    return _AMOUNT_COLUMNS[wanted.type], low, high
