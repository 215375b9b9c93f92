"""What KSeF reads from an invoice document of any form; itself those of FA(2), FA(3) and FA_RR(1)."""

from __future__ import annotations

from decimal import Decimal

from lxml import etree

from airflow_provider_ksef.emulator.elements import (
    Rejected,
    collapse,
    find,
    invalid,
    need,
    parse_document,
    read_amount,
    read_currency,
    read_date,
    read_nip,
    read_optional_text,
    read_role,
    read_text,
    semantic,
)
from airflow_provider_ksef.emulator.facts import (
    FORMS,
    AuthorizedSubject,
    FormCode,
    InvoiceFacts,
    ThirdSubject,
)
from airflow_provider_ksef.emulator.pef import ROOTS, read_pef_facts

__all__ = [
    "FORMS",
    "AuthorizedSubject",
    "FormCode",
    "InvoiceFacts",
    "Rejected",
    "ThirdSubject",
    "read_invoice",
]


NAMESPACES = {
    "http://crd.gov.pl/wzor/2023/06/29/12648/": FORMS["FA (2)"],
    "http://crd.gov.pl/wzor/2025/06/25/13775/": FORMS["FA (3)"],
    "http://crd.gov.pl/wzor/2026/03/06/14189/": FORMS["FA_RR (1)"],
}

INVOICE_TYPES = {
    "VAT": "Vat",
    "KOR": "Kor",
    "ZAL": "Zal",
    "ROZ": "Roz",
    "UPR": "Upr",
    "KOR_ZAL": "KorZal",
    "KOR_ROZ": "KorRoz",
    "VAT_RR": "VatRr",
    "KOR_VAT_RR": "KorVatRr",
}


def read_invoice(xml: bytes) -> InvoiceFacts:
    """
    Read the facts of one invoice.

    :raises Rejected: with code 450 where the document is no XML, no known form, or lacks a mandatory part.
    """
    return read_facts(parse_document(xml))


def form_of(root: etree._Element) -> FormCode:
    """
    The form that the document says it is.

    :raises Rejected: with code 450 where root element, namespace and header do not name one known form.
    """
    if root.tag in ROOTS:
        return ROOTS[root.tag]
    name = etree.QName(root)
    form = NAMESPACES.get(name.namespace or "")
    if form is None or name.localname != "Faktura":
        where = f" in namespace '{name.namespace}'" if name.namespace else ""
        raise semantic(f"The element '{name.localname}'{where} is not declared.")
    code = need(need(root, "Naglowek"), "KodFormularza")
    stated = FormCode(code.get("kodSystemowy", ""), code.get("wersjaSchemy", ""), collapse(code.text))
    if stated != form:
        raise semantic(f"The element 'KodFormularza' is {stated}, but the namespace is that of {form}.")
    return form


def peek_invoice_number(root: etree._Element) -> str | None:
    """The document's number, where it has one, however wrong the rest may be."""
    for body_name, number_name in (("Fa", "P_2"), ("FakturaRR", "P_4C")):
        body = find(root, body_name)
        number = None if body is None else read_optional_text(body, number_name)
        if number:
            return number
    return read_optional_text(root, "ID") if root.tag in ROOTS else None


def read_facts(root: etree._Element) -> InvoiceFacts:
    """
    Read the facts of a parsed invoice (see :func:`read_invoice`).

    :raises Rejected: with code 450.
    """
    form = form_of(root)
    if form.value == "PEF":
        return read_pef_facts(root, form)
    body_name, date_name, number_name = ("Fa", "P_1", "P_2")
    if form.value == "FA_RR":
        body_name, date_name, number_name = ("FakturaRR", "P_4B", "P_4C")
    body = need(root, body_name)
    seller = need(need(root, "Podmiot1"), "DaneIdentyfikacyjne")
    buyer = need(need(root, "Podmiot2"), "DaneIdentyfikacyjne")
    buyer_type, buyer_value = _identifier(buyer)
    currency = read_currency(body)
    amounts = _rr_amounts(body, currency) if form.value == "FA_RR" else _fa_amounts(body, currency)
    return InvoiceFacts(
        seller_nip=read_nip(seller),
        seller_name=read_optional_text(seller, "Nazwa"),
        buyer_type=buyer_type,
        buyer_value=buyer_value,
        buyer_name=read_optional_text(buyer, "Nazwa"),
        invoice_number=read_text(body, number_name),
        issue_date=read_date(body, date_name),
        net=amounts[0],
        vat=amounts[1],
        gross=amounts[2],
        currency=currency,
        invoice_type=_invoice_type(body),
        is_self_invoicing=_is_self_invoicing(body),
        has_attachment=find(root, "Zalacznik") is not None,
        third_subjects=tuple([_third_subject(each) for each in root.iterchildren("{*}Podmiot3")]),
        authorized_subject=_authorized_subject(root),
        form=form,
    )


def _fa_amounts(body: etree._Element, currency: str) -> tuple[Decimal, Decimal, Decimal]:
    net = vat = Decimal(0)
    for child in body.iterchildren(etree.Element):
        name = child.tag.rpartition("}")[2]
        if name.startswith("P_13_"):
            net += read_amount(child)
        elif name.startswith("P_14_") and name.endswith("W") == (currency != "PLN"):
            vat += read_amount(child)
        elif name == "RodzajFaktury":  # every amount stands before it
            break
    return net, vat, read_amount(need(body, "P_15"))


def _rr_amounts(body: etree._Element, currency: str) -> tuple[Decimal, Decimal, Decimal]:
    vat = find(body, "P_11_2" if currency == "PLN" else "P_11_2W")
    in_pln = Decimal(0) if vat is None else read_amount(vat)
    return read_amount(need(body, "P_11_1")), in_pln, read_amount(need(body, "P_12_1"))


def _identifier(party: etree._Element) -> tuple[str, str | None]:
    for name, kind in (("NIP", "Nip"), ("IDWew", "InternalId"), ("NrVatUE", "VatUe"), ("NrID", "Other")):
        value = read_optional_text(party, name)
        if value is not None:
            return kind, (read_optional_text(party, "KodUE") or "") + value if kind == "VatUe" else value
    return "None", None


def _third_subject(party: etree._Element) -> ThirdSubject:
    identity = need(party, "DaneIdentyfikacyjne")
    kind, value = _identifier(identity)
    role = read_role(party, "Rola") if find(party, "RolaInna") is None else 0
    return ThirdSubject(kind, value, read_optional_text(identity, "Nazwa"), role)


def _authorized_subject(root: etree._Element) -> AuthorizedSubject | None:
    party = find(root, "PodmiotUpowazniony")
    if party is None:
        return None
    identity = need(party, "DaneIdentyfikacyjne")
    return AuthorizedSubject(
        read_nip(identity), read_optional_text(identity, "Nazwa"), read_role(party, "RolaPU")
    )


def _is_self_invoicing(body: etree._Element) -> bool:
    notes = find(body, "Adnotacje")
    return notes is not None and read_optional_text(notes, "P_17") == "1"


def _invoice_type(body: etree._Element) -> str:
    text = read_text(body, "RodzajFaktury")
    if text not in INVOICE_TYPES:
        raise invalid("RodzajFaktury", text, "Enumeration")
    return INVOICE_TYPES[text]
