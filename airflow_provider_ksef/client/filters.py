"""Which invoices a metadata query or an export is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from airflow_provider_ksef.client import identifiers
from airflow_provider_ksef.client.input_checks import check_choice
from airflow_provider_ksef.exceptions import KsefInputError

SUBJECT_TYPES = ("Subject1", "Subject2", "Subject3", "SubjectAuthorized")
DATE_TYPES = ("Issue", "Invoicing", "PermanentStorage")
_AMOUNTS = ("amount_from", "amount_to")
_LISTS = {"currency_codes", "invoice_types"}
_TEXTS = ("invoice_number", "buyer_identifier", *sorted(_LISTS))
_CHOICES: dict[str, tuple[str, ...]] = {
    "subject_type": SUBJECT_TYPES,
    "date_type": DATE_TYPES,
    "buyer_identifier_type": ("Nip", "VatUe", "Other", "None"),
    "amount_type": ("Brutto", "Netto", "Vat"),
    "invoicing_mode": ("Online", "Offline"),
    "form_type": ("FA", "PEF", "FA_RR"),
}


@dataclass(frozen=True)
class InvoiceFilters:
    """
    ``InvoiceQueryFilters`` of the API; bounds are inclusive, and all conditions must hold.

    :param subject_type: the role in which the context appears on the invoice: ``Subject1`` seller,
        ``Subject2`` buyer, ``Subject3`` third party, ``SubjectAuthorized``.
    :param date_type: which date the range means: ``Issue``, ``Invoicing`` or ``PermanentStorage``.
    :param date_from: ISO 8601 with an offset; all its digits are sent as they are.
    :param date_to: likewise; None means now. KSeF takes ranges of at most 100 days.
    :param restrict_to_hwm: only what lies below the high-water mark, where nothing can be added any more.
    :param ksef_number: exact.
    :param invoice_number: exact.
    :param seller_nip: exact.
    :param buyer_identifier_type: ``Nip``, ``VatUe``, ``Other`` or ``None``.
    :param buyer_identifier: exact; needs the type.
    :param amount_type: which amount the bounds mean: ``Brutto``, ``Netto`` or ``Vat``.
    :param amount_from: lower bound; needs the type.
    :param amount_to: upper bound; needs the type.
    :param currency_codes: any of them.
    :param invoice_types: any of them, such as ``Vat`` and ``Kor``.
    :param invoicing_mode: ``Online`` or ``Offline``.
    :param is_self_invoicing: whether the buyer wrote the invoice.
    :param has_attachment: whether it has one.
    :param form_type: ``FA``, ``PEF`` or ``FA_RR``.
    :raises KsefInputError: where KSeF would refuse a value.
    """

    subject_type: str
    date_type: str
    date_from: str
    date_to: str | None = None
    restrict_to_hwm: bool = False
    ksef_number: str | None = None
    invoice_number: str | None = None
    seller_nip: str | None = None
    buyer_identifier_type: str | None = None
    buyer_identifier: str | None = None
    amount_type: str | None = None
    amount_from: Decimal | None = None
    amount_to: Decimal | None = None
    currency_codes: tuple[str, ...] = ()
    invoice_types: tuple[str, ...] = ()
    invoicing_mode: str | None = None
    is_self_invoicing: bool | None = None
    has_attachment: bool | None = None
    form_type: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value is not None:
                check_choice(name, value, choices)
        for name in ("date_from", "date_to"):
            _check_moment(name, getattr(self, name))
        for name in _TEXTS:
            _check_text(name, getattr(self, name))
        for name in _AMOUNTS:
            _check_finite(name, getattr(self, name))
        if self.seller_nip is not None:
            identifiers.check_nip(self.seller_nip, "seller_nip")
        if self.ksef_number is not None:
            identifiers.check_ksef_number(self.ksef_number)
        if self.buyer_identifier is not None:
            _check_given("buyer_identifier_type", self.buyer_identifier_type, "buyer_identifier")
        if self.amount_from is not None or self.amount_to is not None:
            _check_given("amount_type", self.amount_type, "amount_from or amount_to")

    def to_json(self) -> dict[str, Any]:
        """Give the request body, without what is not asked for."""
        date_range = _without_none(
            {
                "dateType": self.date_type,
                "from": self.date_from,
                "to": self.date_to,
                "restrictToPermanentStorageHwmDate": self.restrict_to_hwm or None,
            }
        )
        buyer = _without_none({"type": self.buyer_identifier_type, "value": self.buyer_identifier})
        amount = _without_none({"type": self.amount_type, "from": self.amount_from, "to": self.amount_to})
        return _without_none(
            {
                "subjectType": self.subject_type,
                "dateRange": date_range,
                "ksefNumber": self.ksef_number,
                "invoiceNumber": self.invoice_number,
                "sellerNip": self.seller_nip,
                "buyerIdentifier": buyer or None,
                "amount": amount or None,
                "currencyCodes": list(self.currency_codes) or None,
                "invoiceTypes": list(self.invoice_types) or None,
                "invoicingMode": self.invoicing_mode,
                "isSelfInvoicing": self.is_self_invoicing,
                "hasAttachment": self.has_attachment,
                "formType": self.form_type,
            }
        )


def filters_to_plain(filters: InvoiceFilters) -> dict[str, Any]:
    """
    Give filters as plain JSON, with amounts as text so that they stay exact.

    :param filters: which invoices.
    """
    plain = _without_none(asdict(filters))
    for name in _AMOUNTS:
        if name in plain:
            plain[name] = str(plain[name])
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def filters_from_plain(plain: Mapping[str, Any]) -> InvoiceFilters:
    """
    Make filters of plain values, as users and JSON write them.

    :param plain: the fields of :class:`InvoiceFilters` by name; amounts as text or numbers, lists for those
        of which any may hold.
    :raises KsefInputError: where a field is unknown, or KSeF would refuse its value.
    """
    known = {each.name for each in fields(InvoiceFilters)}
    if unknown := sorted(plain.keys() - known):
        raise KsefInputError(
            "filters", unknown, "are no filters of KSeF", f"Give some of: {', '.join(sorted(known))}."
        )
    given: dict[str, Any] = dict(plain)
    for name in _LISTS & plain.keys():
        if isinstance(plain[name], str):
            raise KsefInputError(name, plain[name], "is no list", f"Write it as [{plain[name]!r}].")
        given[name] = tuple(plain[name])
    for name in _AMOUNTS:
        if given.get(name) is not None:
            given[name] = _amount(name, given[name])
    return InvoiceFilters(**given)


def _amount(field: str, value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise KsefInputError(field, value, "is no amount", "Write it as 1234.56.") from error


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _check_moment(field: str, value: str | None) -> None:
    if value is None:
        return
    try:
        has_offset = datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        has_offset = False
    if not has_offset:
        raise KsefInputError(
            field, value, "is not a date-time with an offset", "Write it as 2026-09-01T00:00:00+00:00."
        )


def _check_text(field: str, value: str | tuple[str, ...] | None) -> None:
    if value is None:
        return
    for text in value if isinstance(value, tuple) else (value,):
        if not isinstance(text, str):
            raise KsefInputError(field, text, "is no text", "Put it into quotation marks.")


def _check_finite(field: str, value: Decimal | None) -> None:
    if value is not None and not value.is_finite():
        raise KsefInputError(field, value, "is no amount", "Write it as 1234.56.")


def _check_given(field: str, value: object, because_of: str) -> None:
    if value is None:
        raise KsefInputError(field, value, f"is needed with {because_of}", f"Give {field} too.")
