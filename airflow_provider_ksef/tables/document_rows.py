"""Documents become rows of three tables, typed; a value that does not fit takes out its document's rows."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.tables.columns import CARRIED, NUMBER, STORED
from airflow_provider_ksef.tables.document_columns import DOCUMENTS
from airflow_provider_ksef.tables.document_parsing import (
    NO_ROWS,
    DocumentRows,
    Row,
    UnreadableDocument,
    parse_document,
)
from airflow_provider_ksef.tables.line_columns import ELEMENTS, LINES
from airflow_provider_ksef.tables.vat_columns import RATE_GROUPS, VAT_AMOUNT, VAT_SUMMARY

_ORIGIN = ("export_reference", "synced_at")
_REPEATED = (NUMBER, STORED, *CARRIED, *_ORIGIN)
_LINE_COLUMNS = (*ELEMENTS, LINES.field("extra"))
_SUMS = tuple(field for field in VAT_SUMMARY if field.type == VAT_AMOUNT)


class DocumentTables(NamedTuple):
    """Rows of the three tables, in the order of the documents."""

    documents: pa.Table
    lines: pa.Table
    vat_summary: pa.Table


class _Misfit(NamedTuple):
    document: int
    problem: str


class _Typed(NamedTuple):
    owners: pa.Array
    columns: dict[str, pa.Array]
    misfits: list[_Misfit]


def read_documents(invoices: pa.Table, xmls: Sequence[bytes]) -> DocumentTables:
    """
    Read documents into tables.

    :param invoices: rows of the table ``invoices``.
    :param xmls: the document of each.
    """
    with _without_garbage_collection():
        parsed, problems = _parse(xmls)
    lines, sums = _lines(parsed), _sums(parsed)
    misfits = [*lines.misfits, *sums.misfits]
    if misfits:
        for misfit in misfits:
            problems.setdefault(misfit.document, misfit.problem)
        parsed = [NO_ROWS if place in problems else rows for place, rows in enumerate(parsed)]
        lines, sums = _lines(parsed), _sums(parsed)
    return DocumentTables(
        _documents(invoices, xmls, parsed, problems),
        _table(LINES, invoices, lines),
        _table(VAT_SUMMARY, invoices, sums),
    )


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Make many small objects without looking for cycles, of which there are none: a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse(xmls: Sequence[bytes]) -> tuple[list[DocumentRows], dict[int, str]]:
    parsed = []
    problems = {}
    for place, xml in enumerate(xmls):
        try:
            parsed.append(parse_document(xml))
        except UnreadableDocument as error:
            parsed.append(NO_ROWS)
            problems[place] = str(error)
    return parsed, problems


def _documents(
    invoices: pa.Table, xmls: Sequence[bytes], parsed: Sequence[DocumentRows], problems: Mapping[int, str]
) -> pa.Table:
    made = {
        "size": pa.array([len(xml) for xml in xmls], pa.int64()),
        "xml": pa.array(xmls, pa.binary()),
        "line_count": pa.array(
            [None if rows.lines is None else len(rows.lines) for rows in parsed], pa.int32()
        ),
        "rate_group_count": pa.array(
            [None if rows.lines is None else len({group for group, _, _ in rows.sums}) for rows in parsed],
            pa.int32(),
        ),
        "parse_error": pa.array([problems.get(place) for place in range(len(xmls))], pa.string()),
    }
    columns = [made[name] if name in made else invoices.column(name) for name in DOCUMENTS.names]
    return pa.Table.from_arrays(columns, schema=DOCUMENTS)


def _lines(parsed: Sequence[DocumentRows]) -> _Typed:
    counts = [len(rows.lines or ()) for rows in parsed]
    rows = list(chain.from_iterable(document.lines or () for document in parsed))
    owners = [place for place, count in enumerate(counts) for _ in range(count)]
    typed = _typed(_LINE_COLUMNS, rows, owners)
    for name, column in typed.columns.items():
        if column.type == pa.bool_():
            typed.columns[name] = pc.coalesce(column, False)
    ordinals = [ordinal for count in counts for ordinal in range(1, count + 1)]
    typed.columns["line_ordinal"] = pa.array(ordinals, pa.int32())
    return typed


def _sums(parsed: Sequence[DocumentRows]) -> _Typed:
    groups: dict[tuple[int, str], Row] = {}
    twice: list[_Misfit] = []
    for place, document in enumerate(parsed):
        for group, column, text in document.sums:
            row = groups.setdefault((place, group), {})
            if column in row:
                twice.append(_Misfit(place, f"{column} of rate group {group} is there twice"))
            row[column] = text
    typed = _typed(_SUMS, list(groups.values()), [place for place, _ in groups])
    typed.misfits.extend(twice)
    names = [group for _, group in groups]
    typed.columns["rate_group"] = pa.array(names, pa.string())
    typed.columns["rate_group_name"] = pa.array([RATE_GROUPS.get(name) for name in names], pa.string())
    return typed


def _typed(fields: Sequence[pa.Field], rows: Sequence[Row], owners: Sequence[int]) -> _Typed:
    """
    Give columns of their types.

    :param owners: the document of each row, by its place.
    """
    there: set[str] = set().union(*rows)
    kind = pa.struct([(field.name, pa.string()) for field in fields if field.name in there])
    texts_of = dict(zip((field.name for field in kind), pa.array(rows, kind).flatten(), strict=True))
    columns: dict[str, pa.Array] = {}
    misfits: list[_Misfit] = []
    for field in fields:
        if field.name not in texts_of:
            columns[field.name] = pa.nulls(len(rows), field.type)
            continue
        texts = _trimmed(texts_of[field.name])
        try:
            columns[field.name] = texts.cast(field.type)
        except pa.ArrowInvalid:
            misfits.extend(
                _Misfit(owners[row], f"{field.name} {texts[row].as_py()[:100]!r} is no {field.type}")
                for row in _misfits(texts, field.type)
            )
    return _Typed(pa.array(owners, pa.int64()), columns, misfits)


def _trimmed(texts: pa.StringArray) -> pa.StringArray:
    """Take off the white space that XML Schema does not count, and make nothing of what is left empty."""
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _misfits(texts: pa.StringArray, kind: pa.DataType, start: int = 0) -> Iterator[int]:
    """Find the texts that cannot be cast, by halving: they are few."""
    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            yield start
            return
        half = len(texts) // 2
        yield from _misfits(texts.slice(0, half), kind, start)
        yield from _misfits(texts.slice(half), kind, start + half)


def _table(schema: pa.Schema, invoices: pa.Table, typed: _Typed) -> pa.Table:
    repeated = invoices.select(_REPEATED).take(typed.owners)
    columns = typed.columns
    arrays = [columns[name] if name in columns else repeated.column(name) for name in schema.names]
    return pa.Table.from_arrays(arrays, schema=schema)
