"""The checks that KSeF makes on one invoice, in the order in which they stop it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from lxml import etree

from airflow_provider_ksef.emulator.documents import (
    FormCode,
    InvoiceFacts,
    form_of,
    peek_invoice_number,
    read_facts,
)
from airflow_provider_ksef.emulator.elements import NOT_XML, SEMANTIC_ERROR, Rejected, parse_document
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.rights import Relations, may_issue
from airflow_provider_ksef.emulator.schemas import Schemas

FILE_ERROR = "Błąd weryfikacji pliku faktury"
RIGHTS_ERROR = "Nieprawidłowy zakres uprawnień"
ATTACHMENT_ERROR = "Brak możliwości wysyłania faktury z załącznikiem"

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_SUSPICIOUS = re.compile("[\x7f-\x84\x86-\x9f\ufdd0-\ufdef\U0001fffe-\U0010ffff]")


def check_invoice(
    xml: bytes,
    *,
    form: FormCode,
    context: Identity,
    limits: SessionLimits,
    may_attach: bool,
    schemas: Schemas | None,
    received: date,
    relations: Relations | None = None,
    consents: Callable[[str], bool] = lambda _: True,
) -> InvoiceFacts:
    """
    Check one invoice as KSeF does, but for duplicates.

    :param form: the session's.
    :param context: whose session it is.
    :param limits: most bytes of an invoice.
    :param may_attach: whether attachments may come this way; those of PEF always may.
    :param received: the Polish day on which KSeF got the invoice.
    :param relations: who may issue for whom; nothing where each issues for itself only.
    :param consents: whether the seller with a NIP has consented to attachments.
    :raises Rejected: with KSeF's status code and texts for the first thing that is wrong.
    """
    _check_size(xml, limits.size_with_attachment)
    _check_encoding(xml)
    root = parse_document(xml)
    try:
        _check_characters(xml, root)
        _check_form(root, form)
        _check_schema(root, form, schemas)
        facts = read_facts(root)
        if not facts.has_attachment:
            _check_size(xml, limits.size)
        elif not may_attach and form.value != "PEF":
            raise Rejected(415, ATTACHMENT_ERROR, ())
        _check_issue_date(facts, received)
        if not may_issue(facts, context, relations):
            raise Rejected(410, RIGHTS_ERROR, ("Brak uprawnienia fakturowego",))
        if facts.has_attachment and not consents(facts.seller_nip):
            detail = f"Sprzedawca {facts.seller_nip} nie posiada zgody do wysyłania faktur z załącznikami"
            raise Rejected(410, RIGHTS_ERROR, (detail,))
    except Rejected as rejected:
        rejected.invoice_number = peek_invoice_number(root)
        raise
    return facts


def _check_size(xml: bytes, most: int) -> None:
    if len(xml) > most:
        detail = f"Rozmiar faktury ({len(xml)} B) przekracza dopuszczalny limit: {most} B."
        raise Rejected(430, FILE_ERROR, (detail,))


def _check_encoding(xml: bytes) -> None:
    if xml.startswith(_BYTE_ORDER_MARKS):
        raise Rejected(
            430, FILE_ERROR, ("Plik faktury zawiera znacznik BOM. Wymagane kodowanie: UTF-8 bez BOM.",)
        )
    declared = _DECLARED_ENCODING.match(xml)
    if declared and declared[1].lower() != b"utf-8":
        name = declared[1].decode("ascii", "replace")
        detail = f"Nieprawidłowe kodowanie pliku faktury: '{name}'. Wymagane kodowanie: UTF-8."
        raise Rejected(430, FILE_ERROR, (detail,))
    try:
        xml.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        detail = f"Niedozwolona sekwencja bajtów UTF-8 na pozycji {error.start}."
        raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, detail)) from None


def _check_characters(xml: bytes, root: etree._Element) -> None:
    around = [*root.itersiblings(preceding=True), *root.itersiblings()]
    if any(each.tag is etree.PI for each in [*around, *root.iter(etree.PI)]):
        raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, "Instrukcje przetwarzania są niedozwolone."))
    _check_text(xml.decode())
    if b"&#" not in xml:
        return
    for element in root.iter(etree.Element):
        for text in (element.text, element.tail, *element.attrib.values()):
            _check_text(text or "")


def _check_text(text: str) -> None:
    for found in _SUSPICIOUS.finditer(text):
        code = ord(found[0])
        if code < 0x10000 or code & 0xFFFE == 0xFFFE:  # the last two of every plane
            detail = f"Niezalecany znak U+{code:04X} jest niedozwolony."
            raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, detail))


def _check_form(root: etree._Element, form: FormCode) -> None:
    stated = form_of(root)
    if stated != form:
        detail = (
            f"Struktura dokumentu '{stated.system_code}' jest niezgodna z kodem formularza sesji "
            f"'{form.system_code}'."
        )
        raise Rejected(450, SEMANTIC_ERROR, (detail,))


def _check_schema(root: etree._Element, form: FormCode, schemas: Schemas | None) -> None:
    error = schemas.validate(form, root) if schemas else None
    if error:
        raise Rejected(450, SEMANTIC_ERROR, (error,))


def _check_issue_date(facts: InvoiceFacts, received: date) -> None:
    if facts.issue_date > received:
        dates = f"({facts.issue_date}) nie może być późniejsza niż data przyjęcia ({received})"
        detail = f"Data wystawienia faktury {dates}."
        raise Rejected(450, SEMANTIC_ERROR, (detail,))
