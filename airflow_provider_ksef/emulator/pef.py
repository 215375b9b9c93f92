"""What KSeF reads from PEF(3) and PEF_KOR(3): UBL invoices and credit notes."""

from __future__ import annotations

import re
from decimal import Decimal

from lxml import etree

from airflow_provider_ksef.emulator.elements import (
    find,
    invalid,
    need,
    read_amount,
    read_date,
    read_optional_text,
    read_text,
)
from airflow_provider_ksef.emulator.facts import FORMS, FormCode, InvoiceFacts

_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
ROOTS = {
    f"{{{_UBL}:Invoice-2}}Invoice": FORMS["PEF (3)"],
    f"{{{_UBL}:CreditNote-2}}CreditNote": FORMS["PEF_KOR (3)"],
}
_EXTENDED = "#conformant#"
_NIP = re.compile(r"(?:PL)?([1-9]\d{9})", re.ASCII)
_EU_VAT = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,12}", re.ASCII)
_IDENTIFIERS = (("PartyTaxScheme", "CompanyID"), ("PartyLegalEntity", "CompanyID"))


def read_pef_facts(root: etree._Element, form: FormCode) -> InvoiceFacts:
    """
    Read the facts of a parsed UBL document.

    :raises Rejected: with code 450 where a mandatory part is missing or wrong.
    """
    seller = need(need(root, "AccountingSupplierParty"), "Party")
    buyer = need(need(root, "AccountingCustomerParty"), "Party")
    seller_type, seller_nip = _identifier(seller)
    if seller_type != "Nip" or seller_nip is None:
        raise invalid("CompanyID", seller_nip or "", "Pattern")
    buyer_type, buyer_value = _identifier(buyer)
    totals = need(root, "LegalMonetaryTotal")
    return InvoiceFacts(
        seller_nip=seller_nip,
        seller_name=_name(seller),
        buyer_type=buyer_type,
        buyer_value=buyer_value,
        buyer_name=_name(buyer),
        invoice_number=read_text(root, "ID"),
        issue_date=read_date(root, "IssueDate"),
        net=read_amount(need(totals, "TaxExclusiveAmount")),
        gross=read_amount(need(totals, "TaxInclusiveAmount")),
        vat=_vat_in_pln(root),
        currency=read_text(root, "DocumentCurrencyCode"),
        invoice_type=_invoice_type(root, form),
        is_self_invoicing=False,
        has_attachment=next(root.iter("{*}EmbeddedDocumentBinaryObject"), None) is not None,
        third_subjects=(),
        authorized_subject=None,
        form=form,
    )


def _identifier(party: etree._Element) -> tuple[str, str | None]:
    values = [
        value
        for group, name in _IDENTIFIERS
        for each in party.iterchildren("{*}" + group)
        if (value := read_optional_text(each, name))
    ]
    for value in values:
        if nip := _NIP.fullmatch(value):
            return "Nip", nip[1]
    for value in values:
        if _EU_VAT.fullmatch(value):
            return "VatUe", value
    return ("Other", values[0]) if values else ("None", None)


def _name(party: etree._Element) -> str | None:
    for group, name in (("PartyLegalEntity", "RegistrationName"), ("PartyName", "Name")):
        found = find(party, group)
        text = None if found is None else read_optional_text(found, name)
        if text:
            return text
    return None


def _vat_in_pln(root: etree._Element) -> Decimal:
    for total in root.iterchildren("{*}TaxTotal"):
        amount = need(total, "TaxAmount")
        if amount.get("currencyID") == "PLN":
            return read_amount(amount)
    return Decimal(0)


def _invoice_type(root: etree._Element, form: FormCode) -> str:
    if form == FORMS["PEF_KOR (3)"]:
        return "KorPef"
    return "VatPefSp" if _EXTENDED in (read_optional_text(root, "CustomizationID") or "") else "VatPef"
