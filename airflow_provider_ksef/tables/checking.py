"""
What can be checked of tables without asking KSeF: each file for itself, and the tables against each other.

Only one month is in memory at a time, and of it the KSeF numbers and hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_ksef.tables.layout import (
    DOCUMENTS_TABLE,
    INVOICES_TABLE,
    LINES_TABLE,
    VAT_SUMMARY_TABLE,
    TableKey,
    is_table_file,
    named_span,
)
from airflow_provider_ksef.tables.merging import batch_rows
from airflow_provider_ksef.tables.moments import to_microseconds
from airflow_provider_ksef.tables.retention import PARTIES, RetentionRule, kept, read_retention
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.storage import Store, open_store
from airflow_provider_ksef.tables.table_files import MonthFiles, table_files
from airflow_provider_ksef.tables.table_format import format_of, open_tables

HASH, XML = "invoice_hash", "xml"

_ROWS_STATED = {LINES_TABLE: "line_count", VAT_SUMMARY_TABLE: "rate_group_count"}
_LOOKED_AT = (NUMBER, STORED, *PARTIES, HASH, XML, *_ROWS_STATED.values())
_ONE_ROW_EACH = (INVOICES_TABLE, DOCUMENTS_TABLE)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    """
    Something that was found.

    :param is_wrong: True for what must not be; False for what is worth knowing.
    :param place: a file or folder below ``tables_path``, or a table.
    :param problem: what was found there.
    """

    is_wrong: bool
    place: str
    problem: str


def _wrong(place: str, problem: str) -> Finding:
    return Finding(is_wrong=True, place=place, problem=problem)


def _note(place: str, problem: str) -> Finding:
    return Finding(is_wrong=False, place=place, problem=problem)


@dataclass
class _Month:
    """
    What the tables of one month hold, gathered file by file.

    :param rows: by table, how often each KSeF number is there.
    :param files: by table, in how many files each KSeF number is.
    :param hashes: hash of each invoice as ``invoices`` states it.
    :param other_hashes: of each document as ``invoice_documents`` states it.
    :param rows_stated: by table, how many rows ``invoice_documents`` says that each document has there.
    :param stored: storage dates of the invoices, in microseconds since 1970.
    """

    rows: dict[str, Counter[str]] = field(default_factory=lambda: {table: Counter() for table in TABLES})
    files: dict[str, Counter[str]] = field(default_factory=lambda: {table: Counter() for table in TABLES})
    hashes: dict[str, str] = field(default_factory=dict)
    other_hashes: dict[str, str] = field(default_factory=dict)
    rows_stated: dict[str, dict[str, int]] = field(
        default_factory=lambda: {table: {} for table in _ROWS_STATED}
    )
    stored: list[int] = field(default_factory=list)


def check_tables(root: UPath, key: TableKey) -> Iterator[Finding]:
    """
    Check all tables of one context and subject type.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :returns: what was found, month by month.
    """
    store, rules = open_store(root), read_retention(root, key)
    watermark = open_tables(root, format_of(root)).watermark(key)
    reached = to_microseconds(watermark.position) if watermark else None
    months = sorted(table_files(root, key), key=lambda files: files.month)
    for month, tables in groupby(months, key=lambda files: files.month):
        seen = _Month()
        for files in tables:
            if not _MONTH.fullmatch(month):
                yield _wrong(files.folder, "is no month's folder")
            foreign = [name for name in store.names(files.folder) if not is_table_file(name)]
            if foreign:
                yield _note(files.folder, f"holds what is no table file: {_some(foreign)}")
            for name in files.names:
                yield from _check_file(store, files, name, rules, seen)
        place = f"{key.context} {key.subject_type} {month}"
        yield from _compare(place, seen)
        beyond = sum(1 for moment in seen.stored if reached is not None and moment > reached)
        if beyond:
            told = f"holds {beyond} rows stored after the watermark: a backfill or a killed sync brought them"
            yield _note(f"{INVOICES_TABLE} {place}", told)


def _check_file(
    store: Store, files: MonthFiles, name: str, rules: tuple[RetentionRule, ...], seen: _Month
) -> Iterator[Finding]:
    path, table = f"{files.folder}/{name}", files.key.table
    numbers: Counter[str] = Counter()
    last: int | None = None
    in_order = True
    try:
        with store.open(path) as file, pq.ParquetFile(file) as parquet:
            yield from _check_columns(path, table, parquet.schema_arrow)
            for batch in parquet.iter_batches(batch_rows(parquet.metadata), use_threads=False):
                rows = _plain(pa.Table.from_batches([batch]))
                numbers.update(rows[NUMBER].to_pylist())
                stored = rows[STORED].cast(MOMENT).cast(pa.int64()).to_pylist()
                in_order = in_order and _in_order(stored if last is None else [last, *stored])
                yield from _check_bounds(path, name, files.month, stored)
                yield from _check_content(path, table, rows, rules, seen)
                if table == INVOICES_TABLE:
                    seen.stored.extend(stored)
                last = stored[-1] if stored else last
    except (pa.ArrowException, KeyError, OSError) as error:
        yield _wrong(path, f"cannot be read: {error}")
    if not in_order:  # files that Delta's library has merged are slower to read, no more
        is_wrong = named_span(name) is not None
        yield Finding(is_wrong=is_wrong, place=path, problem="is not sorted by permanent_storage_date")
    seen.rows[table].update(numbers)
    seen.files[table].update(numbers.keys())


def _check_columns(path: str, table: str, schema: pa.Schema) -> Iterator[Finding]:
    known = {column.name: column.type for column in TABLES[table]}
    for column in schema:
        if _plain_type(column.type) != _plain_type(known.get(column.name, column.type)):
            yield _wrong(path, f"holds {column.name} as {column.type}, not {known[column.name]}")


def _in_order(stored: list[int]) -> bool:
    return all(earlier <= later for earlier, later in pairwise(stored))


def _check_bounds(path: str, name: str, month: str, stored: list[int]) -> Iterator[Finding]:
    if not stored:
        return
    first, last = min(stored), max(stored)
    if {_month_of(first), _month_of(last)} != {month}:
        yield _wrong(path, f"holds rows of {_month_of(first)} to {_month_of(last)}")
    promised = named_span(name)
    if promised is not None and not promised[0] <= first <= last <= promised[1]:
        yield _wrong(path, "holds rows beyond the dates in its name: a commit would not find them")


def _check_content(
    path: str, table: str, rows: pa.Table, rules: tuple[RetentionRule, ...], seen: _Month
) -> Iterator[Finding]:
    if rows[NUMBER].null_count:
        yield _wrong(path, "holds rows without a KSeF number")
    there = set(rows.column_names)
    if table == INVOICES_TABLE:
        gone = rows.num_rows - (pc.sum(kept(rules, rows)).as_py() or 0)
        if gone:
            yield _wrong(path, f"holds {gone} rows that a retention rule has deleted; run it again")
        if HASH in there:
            seen.hashes.update(zip(rows[NUMBER].to_pylist(), rows[HASH].to_pylist(), strict=True))
    if table == DOCUMENTS_TABLE:
        _gather_counts(rows, seen)
    if table == DOCUMENTS_TABLE and {HASH, XML} <= there:
        for number, digest, xml in zip(
            *(rows[name].to_pylist() for name in (NUMBER, HASH, XML)), strict=True
        ):
            seen.other_hashes[number] = digest
            if xml is None or base64.b64encode(hashlib.sha256(xml).digest()).decode() != digest:
                yield _wrong(path, f"holds a document of {number} that is not the one of its hash")


def _gather_counts(documents: pa.Table, seen: _Month) -> None:
    for table, column in _ROWS_STATED.items():
        if column in documents.column_names:
            stated = documents.filter(pc.is_valid(documents[column])).select([NUMBER, column]).to_pydict()
            seen.rows_stated[table].update(zip(stated[NUMBER], stated[column], strict=True))


def _compare(place: str, seen: _Month) -> Iterator[Finding]:
    """Hold the tables of one month against each other."""
    invoices = seen.rows[INVOICES_TABLE]
    for table, rows in seen.rows.items():
        counted = rows if table in _ONE_ROW_EACH else seen.files[table]
        twice = sorted(number for number, count in counted.items() if count > 1)
        if twice:
            yield _wrong(f"{table} {place}", f"holds {len(twice)} invoices twice: {_some(twice)}")
        orphans = sorted(rows.keys() - invoices.keys())
        if orphans:
            told = f"holds rows of {len(orphans)} invoices that are not in {INVOICES_TABLE}: {_some(orphans)}"
            yield _note(f"{table} {place}", f"{told}. A killed commit leaves them; its next run ends it")
    documents = seen.rows[DOCUMENTS_TABLE]
    without = len(invoices.keys() - documents.keys())
    if documents and without:
        yield _note(f"{DOCUMENTS_TABLE} {place}", f"lacks the documents of {without} invoices")
    yield from _compare_counts(place, seen)
    for number in sorted(seen.hashes.keys() & seen.other_hashes.keys()):
        if seen.hashes[number] != seen.other_hashes[number]:
            yield _wrong(f"{DOCUMENTS_TABLE} {place}", f"states another hash of {number} than invoices")


def _compare_counts(place: str, seen: _Month) -> Iterator[Finding]:
    for table, stated in seen.rows_stated.items():
        rows = seen.rows[table]
        other = sorted(
            number
            for number, count in stated.items()
            if rows[number] != count and number in seen.rows[INVOICES_TABLE]
        )
        if other:
            told = f"holds other rows of {len(other)} invoices than their documents have: {_some(other)}"
            yield _wrong(f"{table} {place}", f"{told}. Lost ones come with a verification's repair=True")


def _plain(rows: pa.Table) -> pa.Table:
    """Give the columns that are looked at the types that we write."""
    wanted = [name for name in rows.column_names if name in _LOOKED_AT]
    columns = [rows[name].cast(_plain_type(rows.schema.field(name).type)) for name in wanted]
    return pa.table(columns, names=wanted)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Give the type of the same values that we write: Delta's library notes views of texts and bytes."""
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(member.name, _plain_type(member.type)) for member in kind])
    return kind


def _month_of(microseconds: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=microseconds):%Y-%m}"


def _some(numbers: list[str]) -> str:
    return ", ".join(numbers[:3]) + (" ..." if len(numbers) > 3 else "")
