"""Rows of all tables with the values that readers get wrong: long decimals, microseconds, nulls, lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.schema import NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.staging import StagedTable
from tests.unit.tables.tiny import put, stage

COMPANIONS = [table for table in TABLES if table != "invoices"]
PARTS = [
    TableKey("nip-5250001210", "Subject2"),
    TableKey("nip-5250001210", "Subject1"),
    TableKey("nip-1111111111", "Subject2"),
]
MONTHS = {"2026-02": "2026-03-01", "2026-03": "2026-04-01"}
LACKING = {
    "invoices": ["verification_url", "extra"],
    "invoice_documents": ["line_count", "parse_error"],
    "invoice_lines": ["exchange_rate", "line_ordinal"],
    "invoice_vat_summary": ["net_amount_pln", "rate_group_name"],
}
"""Columns that the files of an earlier version of this package do not have."""

ROWS_OF_A_GROUP = 2
"""Rows that are staged at once."""

Row = dict[str, Any]


def put_hard_rows(root: UPath, disk: Path, table_format: str = "parquet") -> dict[str, list[Row]]:
    """
    Commit rows of several contexts, roles and months; those of the first part's first month are old ones.

    :param root: ``tables_path``.
    :param disk: the worker's own folder.
    :returns: the rows that are in each table, with ``context``, ``subject_type`` and ``month``.
    """
    truth: dict[str, list[Row]] = {table: [] for table in TABLES}
    for place, key in enumerate(PARTS):
        for month, end in MONTHS.items():
            is_old = place == 0 and month == min(MONTHS)
            rows = {table: _rows(table, key, month, is_old=is_old) for table in TABLES}
            name = f"{place}-{month}"
            staged = [_stage(disk, table, rows[table], name, is_old=is_old) for table in COMPANIONS]
            put(
                root, f"{month}-01", end, rows["invoices"], key=key, staged=tuple(staged),
                table_format=table_format,
            )  # fmt: skip
            for table in TABLES:
                truth[table] += [_whole(table, row, key, month) for row in rows[table].to_pylist()]
    return truth


def _stage(disk: Path, table: str, rows: pa.Table, name: str, *, is_old: bool) -> StagedFile:
    if is_old:
        return stage(disk, table, rows, f"{table}-{name}")
    with StagedTable(table, disk, name) as staged:
        for start in range(0, rows.num_rows, ROWS_OF_A_GROUP):
            staged.add(name.split("-", 1)[1], rows.slice(start, ROWS_OF_A_GROUP))
    [file] = staged.files
    return file


def _rows(table: str, key: TableKey, month: str, *, is_old: bool) -> pa.Table:
    schema = TABLES[table]
    columns = {field.name: [_value(field.type, row) for row in range(6)] for field in schema}
    columns[NUMBER] = [f"{key.context}-{key.subject_type}-{month}-{row}" for row in range(6)]
    first = datetime.fromisoformat(f"{month}-01T00:00:00.000001+00:00")
    columns[STORED] = [first + row * timedelta(days=4, microseconds=111_111) for row in range(6)]
    rows = pa.table(columns, schema=schema)
    return rows.drop(LACKING[table]) if is_old else rows


def _whole(table: str, row: Row, key: TableKey, month: str) -> Row:
    keys = {"context": key.context, "subject_type": key.subject_type, "month": month}
    return dict.fromkeys(TABLES[table].names) | row | keys


def _value(kind: pa.DataType, row: int) -> Any:
    """Give every sixth value as null, and hard ones between."""
    values = list(_values(kind))
    return None if row == 5 else values[row % len(values)]


def _values(kind: pa.DataType) -> Iterator[Any]:
    if pa.types.is_decimal(kind):
        yield from _decimals(kind.precision, kind.scale)
    elif pa.types.is_timestamp(kind):
        yield datetime(2026, 2, 28, 23, 59, 59, 999_999, UTC)
        yield datetime(2026, 3, 29, 1, 0, 0, 1, UTC)
    elif pa.types.is_date(kind):
        yield from (date(2026, 2, 28), date(1970, 1, 1), date(2050, 12, 31))
    elif pa.types.is_list(kind):
        structs = [_value(kind.value_type, row) for row in range(2)]
        yield from (structs, [], structs[:1])
    elif pa.types.is_struct(kind):
        yield from ({field.name: _value(field.type, row) for field in kind} for row in (0, 1, 5))
    elif pa.types.is_binary(kind):
        yield from ("<?xml version='1.0'?><a>Zażółć</a>".encode(), b"\x00\xff\xfe'\n", b"")
    elif pa.types.is_boolean(kind):
        yield from (True, False)
    elif pa.types.is_integer(kind):
        yield from (2**31 - 1, 0, 2**53 + 1 if kind.bit_width == 64 else 1)
    else:
        yield from ("Zażółć gęślą jaźń, Sp. z o.o.", "", "00012", "NULL")


def _decimals(precision: int, scale: int) -> Iterator[Decimal]:
    digits = "123456789012345678901234567890123456789"[:precision]
    largest = Decimal(digits).scaleb(-scale)
    yield from (largest, -largest, Decimal(1).scaleb(-scale), Decimal("43.60"))
