"""The facts of an invoice document, whatever its form: what becomes its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class FormCode:
    """A document structure as a session declares it and as the document's header names it."""

    system_code: str
    schema_version: str
    value: str


FORMS: dict[str, FormCode] = {
    form.system_code: form
    for form in (
        FormCode("FA (2)", "1-0E", "FA"),
        FormCode("FA (3)", "1-0E", "FA"),
        FormCode("PEF (3)", "2-1", "PEF"),
        FormCode("PEF_KOR (3)", "2-1", "PEF"),
        FormCode("FA_RR (1)", "1-1E", "FA_RR"),
    )
}


@dataclass(frozen=True)
class ThirdSubject:
    """One ``Podmiot3``. ``type`` is Nip, InternalId, VatUe, Other or None; role 0 is a role in words."""

    type: str
    value: str | None
    name: str | None
    role: int


@dataclass(frozen=True)
class AuthorizedSubject:
    """The ``PodmiotUpowazniony``: enforcement authority (1), bailiff (2) or tax representative (3)."""

    nip: str
    name: str | None
    role: int


@dataclass(frozen=True)
class InvoiceFacts:
    """
    What KSeF keeps as metadata of an invoice.

    :param buyer_type: Nip, VatUe, Other or None; ``buyer_value`` is absent for None.
    :param net: sum of all net amounts, in the invoice's currency; so is ``gross``.
    :param vat: always in PLN, 0 where a foreign invoice does not state it in PLN.
    :param invoice_type: KSeF's own name, e.g. ``Vat``, ``Kor``, ``KorZal``.
    """

    seller_nip: str
    seller_name: str | None
    buyer_type: str
    buyer_value: str | None
    buyer_name: str | None
    invoice_number: str
    issue_date: date
    net: Decimal
    gross: Decimal
    vat: Decimal
    currency: str
    invoice_type: str
    is_self_invoicing: bool
    has_attachment: bool
    third_subjects: tuple[ThirdSubject, ...]
    authorized_subject: AuthorizedSubject | None
    form: FormCode
