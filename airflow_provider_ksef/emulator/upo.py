"""Official receipts (UPO) in version 4-3, before they are sealed: the same each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from airflow_provider_ksef.emulator.facts import FORMS
from airflow_provider_ksef.emulator.moments import format_polish_moment
from airflow_provider_ksef.emulator.store.sessions import Session
from airflow_provider_ksef.emulator.store.upo import UpoDocument

MOST_PER_PAGE = 10_000
_NAMESPACE = "http://upo.schematy.mf.gov.pl/KSeF/v4-3"
_RECEIVER = "Ministerstwo Finansów"
_CONTEXTS = {
    "Nip": "Nip",
    "InternalId": "IdWewnetrzny",
    "NipVatUe": "IdZlozonyVatUE",
    "PeppolId": "IdDostawcyUslugPeppol",
}


@dataclass(frozen=True)
class Page:
    """
    One page of a session's receipt.

    :param number: from 1.
    :param documents: accepted invoices of the whole session.
    """

    number: int
    documents: int

    @property
    def skip(self) -> int:
        """How many documents stand on the pages before."""
        return (self.number - 1) * MOST_PER_PAGE

    @property
    def last(self) -> int:
        """The number of the last document on it."""
        return min(self.skip + MOST_PER_PAGE, self.documents)


def count_pages(documents: int) -> int:
    """How many pages the receipt of a session has."""
    return -(-documents // MOST_PER_PAGE)


def write_upo(session: Session, documents: Sequence[UpoDocument], page: Page | None = None) -> etree._Element:
    """
    Write a receipt, but for its seal.

    :param page: where it is one of a session; without it, it is that of a single invoice.
    """
    root = etree.Element(_name("Potwierdzenie"), nsmap={None: _NAMESPACE})
    _add(root, "NazwaPodmiotuPrzyjmujacego", _RECEIVER)
    _add(root, "NumerReferencyjnySesji", session.reference)
    _add_authentication(root, session)
    if page is not None:
        _add_description(root, page)
    form = FORMS[session.form]
    structure = form.system_code.replace(" ", "")
    _add(root, "NazwaStrukturyLogicznej", f"Schemat_{structure}_v{form.schema_version}.xsd")
    _add(root, "KodFormularza", form.system_code)
    for document in documents:
        _add_document(root, document)
    return root


def _add_authentication(root: etree._Element, session: Session) -> None:
    authentication = _add(root, "Uwierzytelnienie")
    kind, _, value = session.context.partition(":")
    _add(_add(authentication, "IdKontekstu"), _CONTEXTS[kind], value)
    if session.document_hash is not None:
        _add(authentication, "SkrotDokumentuUwierzytelniajacego", session.document_hash)
    else:
        _add(authentication, "NumerReferencyjnyTokenaKSeF", session.token_reference)


def _add_description(root: etree._Element, page: Page) -> None:
    description = _add(root, "OpisPotwierdzenia")
    _add(description, "Strona", str(page.number))
    _add(description, "LiczbaStron", str(count_pages(page.documents)))
    _add(description, "ZakresDokumentowOd", str(page.skip + 1))
    _add(description, "ZakresDokumentowDo", str(page.last))
    _add(description, "CalkowitaLiczbaDokumentow", str(page.documents))


def _add_document(root: etree._Element, document: UpoDocument) -> None:
    element = _add(root, "Dokument")
    _add(element, "NipSprzedawcy", document.ksef_number[:10])
    _add(element, "NumerKSeFDokumentu", document.ksef_number)
    _add(element, "NumerFaktury", document.invoice_number)
    _add(element, "DataWystawieniaFaktury", document.issue_date.isoformat())
    _add(element, "DataPrzeslaniaDokumentu", format_polish_moment(document.sent))
    _add(element, "DataNadaniaNumeruKSeF", format_polish_moment(document.numbered))
    _add(element, "SkrotDokumentu", document.hash)
    _add(element, "TrybWysylki", document.mode)


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, _name(name))
    element.text = text
    return element


def _name(name: str) -> str:
    return f"{{{_NAMESPACE}}}{name}"
