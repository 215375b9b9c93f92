"""
One document becomes rows of text: its lines and its tax sums, by the names of their columns.

Each document is parsed once and its elements are walked once: no XPath, no search. FA(2), FA(3), FA_RR and
whatever has the same shape under another namespace are read; a document of another form has no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from lxml import etree

from airflow_provider_ksef.tables.line_columns import ELEMENTS
from airflow_provider_ksef.tables.vat_columns import FLAT_RATE, VAT_SUMMARY

Row = dict[str, str | None]
"""Texts by the name of their column; an element that is there and empty is None."""


Sum = tuple[str, str, str | None]
"""Rate group, column and text of one sum of the tax summary."""


class DocumentRows(NamedTuple):
    """
    What a document holds.

    :param lines: a row for each line; None where the form has no lines that we know.
    :param sums: sums of the tax summary, in the document's order.
    """

    lines: list[Row] | None
    sums: list[Sum]


class UnreadableDocument(Exception):  # noqa: N818  it says what the document is
    """A document that is no XML, or no XML that we read."""


_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
_Role = tuple[str, str]
_ROOT = "Faktura"
_MOST_LEARNT = 500
NO_ROWS = DocumentRows(None, [])
_LINE: _Role = ("line", "")
_UNSEEN: _Role = ("unseen", "")


def parse_document(xml: bytes) -> DocumentRows:
    """
    Read a document.

    :param xml: as KSeF gave it.
    :raises UnreadableDocument: where it is no well-formed XML, or declares a document type.
    """
    try:
        root = etree.fromstring(xml, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableDocument(f"no well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableDocument("it declares a document type, which may hide entities")
    forms = _forms(root.tag)
    for child in root:
        form = forms.get(child.tag)
        if form is not None:
            return _read_body(child, form)
    return NO_ROWS


def _read_body(body: Any, form: _Form) -> DocumentRows:
    """Walk the children of the body and of its lines, each once: what a whole export waits for."""
    roles, columns = form.roles, form.columns
    lines: list[Row] = []
    sums: list[Sum] = []
    for child in body:
        role = roles.get(child.tag, _UNSEEN)
        if role is _LINE:
            try:
                row = {columns[element.tag]: element.text for element in child}
            except KeyError:
                row = {}
            lines.append(row if len(row) == len(child) else _uncommon_line(child, columns))
            continue
        if role is _UNSEEN:
            role = form.learn(child.tag)
        if role is not None:
            group, column = role
            sums.append((group, column, child.text))
    return DocumentRows(lines, sums)


def _uncommon_line(line: Any, columns: Mapping[str, str]) -> Row:
    """Read a line that has an element twice, or one that no column is for."""
    row: Row = {}
    extra: dict[str, Any] = {}
    for element in line:
        column = columns.get(element.tag)
        if column is None or column in row:
            _add(extra, element)
        else:
            row[column] = element.text
    row["extra"] = msgspec.json.encode(extra).decode()
    return row


def _add(content: dict[str, Any], element: Any) -> None:
    """Add an element to a JSON object; what comes again makes a list."""
    name = etree.QName(element).localname
    value: Any = element.text
    if len(element) or element.attrib:
        value = {f"@{attribute}": text for attribute, text in element.attrib.items()}
        for child in element:
            _add(value, child)
        if element.text and element.text.strip():
            value["#text"] = element.text
    if name not in content:
        content[name] = value
    elif isinstance(content[name], list):
        content[name].append(value)
    else:
        content[name] = [content[name], value]


class _Form:
    """
    How the body of a form is read.

    :param prefix: namespace of its tags.
    :param key: name of the form in the metadata of columns.
    :param line: name of its lines' element.
    """

    def __init__(self, prefix: str, key: bytes, line: str) -> None:
        self.prefix = prefix
        self.columns = {prefix + element: column for element, column in _elements(ELEMENTS, key)}
        self.roles: dict[str, _Role | None] = {prefix + line: _LINE}
        patterns = sorted(_elements(VAT_SUMMARY, key), key=lambda item: -len(item[0]))
        self.sums = [(*pattern.partition("*"), column) for pattern, column in patterns]

    def learn(self, tag: str) -> _Role | None:
        """Tell what a child of the body is: rate group and column of a sum, or nothing of interest."""
        role = self._role(tag.removeprefix(self.prefix))
        if len(self.roles) < _MOST_LEARNT:
            self.roles[tag] = role
        return role

    def _role(self, name: str) -> _Role | None:
        for start, star, end, column in self.sums:
            if not star and name == start:
                return FLAT_RATE, column
            if star and name.startswith(start) and name.endswith(end):
                return name[len(start) : len(name) - len(end)], column
        return None


def _elements(fields: Iterable[pa.Field], key: bytes) -> list[tuple[str, str]]:
    return [(field.metadata[key].decode(), field.name) for field in fields if key in (field.metadata or {})]


@lru_cache(maxsize=32)
def _forms(root_tag: str) -> dict[str, _Form]:
    """Give the forms that a document with this root may have, by the tag of its body."""
    namespace, closing, name = root_tag.rpartition("}")
    prefix = namespace + closing
    if name != _ROOT:
        return {}
    return {
        f"{prefix}Fa": _Form(prefix, b"ksef.fa", "FaWiersz"),
        f"{prefix}FakturaRR": _Form(prefix, b"ksef.fa_rr", "FakturaRRWiersz"),
    }
