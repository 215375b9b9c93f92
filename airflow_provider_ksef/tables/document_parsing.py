"""
One document becomes rows of text: its lines and its tax sums, by the names of their columns.

Each document is parsed once and its elements are walked once: no XPath, no search. FA(2), FA(3), FA_RR and
whatever has the same shape under another namespace are read; a document of another form has no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from lxml import etree

from airflow_provider_ksef.tables.line_columns import ELEMENTS
from airflow_provider_ksef.tables.vat_columns import FLAT_RATE, VAT_SUMMARY

Row = dict[str, str | None]
"""Texts by the name of their column; an element that is there and empty is None."""


class DocumentRows(NamedTuple):
    """
    What a document holds.

    :param lines: a row for each line; None where the form has no lines that we know.
    :param sums: a row of the tax summary by rate group.
    """

    lines: list[Row] | None
    sums: dict[str, Row]


class UnreadableDocument(Exception):  # noqa: N818  it says what the document is
    """A document that is no XML, or no XML that we read."""


_ROOT = "Faktura"
_MOST_CACHED_NAMES = 500
_NO_ROWS = DocumentRows(None, {})
_LINE = ("", "")
_COLUMN_NAMES = frozenset(field.name for field in ELEMENTS)


def parse_document(xml: bytes) -> DocumentRows:
    """
    Read a document.

    :param xml: as KSeF gave it.
    :raises UnreadableDocument: where it is no well-formed XML, or declares a document type.
    """
    try:
        root = etree.fromstring(xml, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableDocument(f"no well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableDocument("it declares a document type, which may hide entities")
    forms = _forms(root.tag)
    for child in root:
        form = forms.get(child.tag)
        if form is not None:
            return _read_body(child, form)
    return _NO_ROWS


@lru_cache(maxsize=1)
def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


class _Columns(dict[str, str]):
    """Names of columns by tag; an unknown tag stands for itself."""

    def __missing__(self, tag: str) -> str:
        return tag


class _Roles(dict[str, tuple[str, str] | None]):
    """What a child of the body is, by tag: a line, rate group and column of a sum, or nothing."""

    def __init__(self, prefix: str, line: str, patterns: Mapping[str, str]) -> None:
        self.prefix = prefix
        self.patterns = [(*pattern.partition("*"), column) for pattern, column in patterns.items()]
        self[f"{prefix}{line}"] = _LINE

    def __missing__(self, tag: str) -> tuple[str, str] | None:
        role = self._role(tag.removeprefix(self.prefix))
        if len(self) < _MOST_CACHED_NAMES:
            self[tag] = role
        return role

    def _role(self, name: str) -> tuple[str, str] | None:
        for start, star, end, column in self.patterns:
            if not star and name == start:
                return FLAT_RATE, column
            if star and name.startswith(start) and name.endswith(end):
                return name[len(start) : len(name) - len(end)], column
        return None


class _Form(NamedTuple):
    roles: _Roles
    columns: _Columns


@lru_cache(maxsize=32)
def _forms(root_tag: str) -> dict[str, _Form]:
    """Give the forms that a document with this root may have, by the tag of its body."""
    namespace, closing, name = root_tag.rpartition("}")
    prefix = namespace + closing
    if name != _ROOT:
        return {}
    return {
        f"{prefix}Fa": _form(prefix, b"ksef.fa", "FaWiersz"),
        f"{prefix}FakturaRR": _form(prefix, b"ksef.fa_rr", "FakturaRRWiersz"),
    }


def _form(prefix: str, key: bytes, line: str) -> _Form:
    elements = {
        prefix + field.metadata[key].decode(): field.name for field in ELEMENTS if key in field.metadata
    }
    sums = {
        field.metadata[key].decode(): field.name for field in VAT_SUMMARY if key in (field.metadata or {})
    }
    longest_first = dict(sorted(sums.items(), key=lambda item: -len(item[0])))
    return _Form(_Roles(prefix, line, longest_first), _Columns(elements))


def _read_body(body: Any, form: _Form) -> DocumentRows:
    roles, columns = form
    lines: list[Row] = []
    sums: dict[str, Row] = {}
    for child in body:
        role = roles[child.tag]
        if role is None:
            continue
        if role is _LINE:
            row = {columns[element.tag]: element.text for element in child}
            if len(row) != len(child) or not row.keys() <= _COLUMN_NAMES:
                row = _uncommon_line(child, columns)
            lines.append(row)
        else:
            group, column = role
            sums.setdefault(group, {})[column] = child.text
    return DocumentRows(lines, sums)


def _uncommon_line(line: Any, columns: _Columns) -> Row:
    """Read a line that has an element twice, or one that no column is for."""
    row: Row = {}
    extra: dict[str, Any] = {}
    for element in line:
        column = columns[element.tag]
        if column in _COLUMN_NAMES and column not in row:
            row[column] = element.text
        else:
            _add(extra, element)
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
