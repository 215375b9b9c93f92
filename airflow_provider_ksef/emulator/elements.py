"""The elements of an invoice document, and the refusal of what is not as it must be."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from lxml import etree

SEMANTIC_ERROR = "Błąd weryfikacji semantyki dokumentu faktury"
NOT_XML = "Nieprawidłowy XML"
MOST_CHARACTERS = 256

_NIP = re.compile(r"[1-9]((\d[1-9])|([1-9]\d))\d{7}", re.ASCII)
_AMOUNT = re.compile(r"-?([1-9]\d{0,15}|0)(\.\d{1,2})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_XML_SPACE = re.compile(r"[ \t\r\n]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
)


class Rejected(Exception):  # noqa: N818  KSeF's word for it
    """
    An invoice that KSeF does not take.

    :param code: status code of the invoice in its session, e.g. 450.
    :param description: KSeF's sentence for the code, in Polish.
    :param details: what exactly is wrong.
    :param invoice_number: the document's own number, where it could be read.
    """

    def __init__(
        self, code: int, description: str, details: tuple[str, ...], invoice_number: str | None = None
    ) -> None:
        super().__init__(f"{code} {description}: {'; '.join(details)}")
        self.code = code
        self.description = description
        self.details = details
        self.invoice_number = invoice_number


def parse_document(xml: bytes) -> etree._Element:
    """
    Parse without entities, network, DTD or huge trees.

    :raises Rejected: with code 450, ``Nieprawidłowy XML``.
    """
    try:
        root = etree.fromstring(xml, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, str(error))) from None
    document = root.getroottree().docinfo
    if document.xml_version != "1.0":
        raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, f"Version number '{document.xml_version}' is invalid."))
    if document.doctype:
        raise Rejected(450, SEMANTIC_ERROR, (NOT_XML, "For security reasons DTD is prohibited."))
    return root


def read_nip(party: etree._Element) -> str:
    return _matching(read_text(party, "NIP"), "NIP", _NIP)


def read_currency(body: etree._Element) -> str:
    return _matching(read_text(body, "KodWaluty"), "KodWaluty", _CURRENCY)


def read_role(party: etree._Element, name: str) -> int:
    text = read_text(party, name)
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise invalid(name, text, "Enumeration")
    return int(text)


def read_amount(element: etree._Element) -> Decimal:
    name = etree.QName(element).localname
    return Decimal(_matching(collapse(element.text), name, _AMOUNT))


def read_date(body: etree._Element, name: str) -> date:
    text = _matching(read_text(body, name), name, _DATE)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(name, text, "Date") from None


def _matching(text: str, name: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise invalid(name, text, "Pattern")
    return text


def find(parent: etree._Element, name: str) -> etree._Element | None:
    return next(parent.iterchildren("{*}" + name), None)


def need(parent: etree._Element, name: str) -> etree._Element:
    child = find(parent, name)
    if child is None:
        within = etree.QName(parent)
        raise semantic(
            f"The element '{within.localname}' in namespace '{within.namespace}' has incomplete content. "
            f"List of possible elements expected: '{name}' in namespace '{within.namespace}'."
        )
    return child


def read_text(parent: etree._Element, name: str) -> str:
    text = collapse(need(parent, name).text)
    if not text:
        raise invalid(name, text, "MinLength")
    if len(text) > MOST_CHARACTERS:
        raise invalid(name, text, "MaxLength")
    return text


def read_optional_text(parent: etree._Element, name: str) -> str | None:
    child = find(parent, name)
    return None if child is None else collapse(child.text)


def collapse(text: str | None) -> str:
    return _XML_SPACE.sub(" ", text.strip(" \t\r\n")) if text else ""


def invalid(name: str, value: str, constraint: str) -> Rejected:
    return semantic(
        f"The '{name}' element is invalid - The value '{value}' is invalid according to its datatype - "
        f"The {constraint} constraint failed."
    )


def semantic(detail: str) -> Rejected:
    return Rejected(450, SEMANTIC_ERROR, (detail,))
