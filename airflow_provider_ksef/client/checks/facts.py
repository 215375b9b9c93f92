"""What the checks read of an invoice: who issued it, what it is called, and when it was issued."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

_CRD = "http://crd.gov.pl/wzor"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd"
ROOTS: Mapping[str, str] = {
    f"{{{_CRD}/2023/06/29/12648/}}Faktura": "FA (2)",
    f"{{{_CRD}/2025/06/25/13775/}}Faktura": "FA (3)",
    f"{{{_CRD}/2026/03/06/14189/}}Faktura": "FA_RR (1)",
    f"{{{_UBL}:Invoice-2}}Invoice": "PEF (3)",
    f"{{{_UBL}:CreditNote-2}}CreditNote": "PEF_KOR (3)",
}
"""System code of the form by a document's root element (KSeF docs: struktury)."""

_Paths = Mapping[str, str]
_SUBJECTS = {
    "seller_nip": "{*}Podmiot1/{*}DaneIdentyfikacyjne/{*}NIP",
    "buyer_nip": "{*}Podmiot2/{*}DaneIdentyfikacyjne/{*}NIP",
    "authorized_nip": "{*}PodmiotUpowazniony/{*}DaneIdentyfikacyjne/{*}NIP",
}
_FA: _Paths = {
    **_SUBJECTS,
    "number": "{*}Fa/{*}P_2",
    "invoice_type": "{*}Fa/{*}RodzajFaktury",
    "issue_date": "{*}Fa/{*}P_1",
    "self_invoicing": "{*}Fa/{*}Adnotacje/{*}P_17",
}
_FA_RR: _Paths = {
    **_SUBJECTS,
    "number": "{*}FakturaRR/{*}P_4C",
    "invoice_type": "{*}FakturaRR/{*}RodzajFaktury",
    "issue_date": "{*}FakturaRR/{*}P_4B",
}
_PARTY = "{*}Party/*/{*}CompanyID"
"""Of ``PartyTaxScheme`` or ``PartyLegalEntity``: either may hold the NIP."""
_PEF: _Paths = {
    "seller_nip": f"{{*}}AccountingSupplierParty/{_PARTY}",
    "buyer_nip": f"{{*}}AccountingCustomerParty/{_PARTY}",
    "number": "{*}ID",
    "issue_date": "{*}IssueDate",
}
PATHS: Mapping[str, _Paths] = {
    "FA (2)": _FA,
    "FA (3)": _FA,
    "FA_RR (1)": _FA_RR,
    "PEF (3)": _PEF,
    "PEF_KOR (3)": _PEF,
}
_NIP = re.compile(r"\s*(?:PL)?[1-9]\d{9}\s*", re.ASCII)
_SELLERS_MEMBERS = ("7", "9")
"""``Rola`` of a local government's unit and of a VAT group's member, each of which issues for the seller."""


@dataclass(frozen=True)
class InvoiceFacts:
    """
    What was read of an invoice; each is None where the document does not have it.

    :param form_code: system code of the form that the root element belongs to.
    :param seller_nip: of ``Podmiot1``; in PEF of the supplier, without a prefix.
    :param buyer_nip: of ``Podmiot2``, where it is a NIP.
    :param authorized_nip: of ``PodmiotUpowazniony``.
    :param member_nips: of each ``Podmiot3`` that issues for the seller, as a unit of a local government
        (``Rola`` 7) or as a member of a VAT group (9).
    :param number: ``P_2`` (FA_RR: ``P_4C``), its white space collapsed.
    :param invoice_type: ``RodzajFaktury``; None in PEF.
    :param issue_date: ``P_1`` (FA_RR: ``P_4B``) as it is written.
    :param is_self_invoicing: whether ``P_17`` is 1: the buyer issues in the seller's name.
    """

    form_code: str | None = None
    seller_nip: str | None = None
    buyer_nip: str | None = None
    authorized_nip: str | None = None
    number: str | None = None
    invoice_type: str | None = None
    issue_date: str | None = None
    is_self_invoicing: bool = False
    member_nips: tuple[str, ...] = ()

    @property
    def duplicate_key(self) -> tuple[str, str, str] | None:
        """What KSeF takes an invoice to be the same by: seller, type and number."""
        if self.seller_nip is None or self.number is None:
            return None
        return self.seller_nip, self.invoice_type or self.form_code or "", self.number


def read_facts(root: etree._Element) -> InvoiceFacts:
    """
    Read what is there, however wrong the rest may be.

    :param root: of the document.
    """
    form_code = ROOTS.get(root.tag)
    if form_code is None:
        return InvoiceFacts()
    found = {name: _text_of(_element(root, path)) for name, path in PATHS[form_code].items()}
    is_self_invoicing = found.pop("self_invoicing", None) == "1"
    for name in ("seller_nip", "buyer_nip"):
        found[name] = (found[name] or "").removeprefix("PL") or None
    return InvoiceFacts(
        form_code, is_self_invoicing=is_self_invoicing, member_nips=_member_nips(root), **found
    )


def line_of(root: etree._Element, form_code: str | None, name: str) -> int | None:
    """
    Tell where a fact stands, or where the document begins if it is not there.

    :param name: of the fact, as in :class:`InvoiceFacts`.
    """
    element = _element(root, PATHS[form_code][name]) if form_code else None
    line: int | None = (root if element is None else element).sourceline
    return line


def _element(root: etree._Element, path: str) -> etree._Element | None:
    """Find a fact's element; of several identifiers of a party that which is a NIP."""
    if "/*/" not in path:
        return root.find(path)
    found = root.findall(path)
    return next((each for each in found if _NIP.fullmatch(each.text or "")), found[0] if found else None)


def _text_of(element: etree._Element | None) -> str | None:
    text = None if element is None else element.text
    return " ".join(text.split()) or None if text else None


def _member_nips(root: etree._Element) -> tuple[str, ...]:
    members = (
        each for each in root.iterchildren("{*}Podmiot3") if each.findtext("{*}Rola") in _SELLERS_MEMBERS
    )
    nips = (each.findtext("{*}DaneIdentyfikacyjne/{*}NIP") for each in members)
    return tuple([nip.strip() for nip in nips if nip])
