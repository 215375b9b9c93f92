"""Rows become table files: sorted by permanent storage date, one file for each UTC month."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.tables.arrow_memory import give_back
from airflow_provider_ksef.tables.incoming import CommittedWindow
from airflow_provider_ksef.tables.layout import TableKey, file_name, month_folder
from airflow_provider_ksef.tables.moments import (
    TICKS_PER_MICROSECOND,
    format_ticks,
    to_microseconds,
)
from airflow_provider_ksef.tables.row_order import storage_span
from airflow_provider_ksef.tables.schema import EVERY_TABLE, MOMENT, NUMBER, STORED
from airflow_provider_ksef.tables.storage import Content

ROW_GROUP_ROWS = 20_000
"""Two of KSeF's largest packages: small enough that dates prune well, large enough to compress well."""
_PAGE_BYTES = 64 * 1024
"""Of one column before compression; pages of a megabyte, Arrow's usual, take 7 MB more memory to write."""
_ALL_DIFFERENT = (NUMBER, "invoice_number", "invoice_hash", "verification_url")
"""Texts that no two invoices share: with a dictionary of them a file is larger, and slower to write."""


@dataclass(frozen=True)
class MonthFile:
    """
    A table file that is ready to be published.

    :param path: below ``tables_path``.
    :param content: the Parquet file, or where it lies on the worker's own disk.
    :param month: the UTC month of its rows.
    :param numbers: the KSeF number of each row.
    :param span: storage dates that no row lies outside of, in microseconds since 1970.
    """

    path: str
    content: Content
    month: str
    numbers: pa.Array
    span: tuple[int, int]


def name_in(window: CommittedWindow, span: tuple[int, int], token: int, ordinal: int = 0) -> str:
    """
    Name a file of a window's rows.

    A name promises that no row of its file lies outside its bounds. They are the window's, widened where KSeF
    sent a row beyond them.

    :param window: the window.
    :param span: storage dates of the first and the last row, in microseconds since 1970.
    :param token: the writer's fencing token.
    :param ordinal: see :func:`layout.file_name`.
    """
    first, last = span
    start, end = window.start, window.end
    start = start if to_microseconds(start) <= first else format_ticks(first * TICKS_PER_MICROSECOND)
    end = end if to_microseconds(end) >= last else format_ticks(last * TICKS_PER_MICROSECOND)
    return file_name(start, end, window.export_reference, token, ordinal)


def month_files(rows: pa.Table, key: TableKey, window: CommittedWindow, token: int) -> list[MonthFile]:
    """
    Divide sorted rows into files.

    :param rows: rows of the table ``invoices``.
    :param key: the part of the table.
    :param window: what the export stands for.
    :param token: the writer's fencing token.
    """
    if not rows.num_rows:
        return []
    name = name_in(window, storage_span(rows), token)
    months = pc.strftime(rows.column(STORED), "%Y-%m").combine_chunks().dictionary_encode()
    parts = (
        (month, rows.filter(pc.equal(months.indices, index)))
        for index, month in enumerate(months.dictionary.to_pylist())
    )
    return [_month_file(part, month, f"{month_folder(key, month)}/{name}") for month, part in parts]


def _month_file(rows: pa.Table, month: str, path: str) -> MonthFile:
    numbers = rows.column(NUMBER).combine_chunks()
    return MonthFile(path, encode(rows), month, numbers, storage_span(rows))


def encode(rows: pa.Table) -> bytes:
    """Write rows as a Parquet file in memory; an export is never more than 10,000 of them."""
    give_back()  # what it took to make the rows
    sink = io.BytesIO()
    pq.write_table(rows, sink, row_group_size=ROW_GROUP_ROWS, **writer_options(rows.schema))
    pa.default_memory_pool().release_unused()
    return sink.getvalue()


def writer_options(schema: pa.Schema) -> dict[str, Any]:
    """Say how table files are written: zstd, dictionaries of what repeats, and by what they are sorted."""
    repeating = [f.name for f in schema if pa.types.is_string(f.type) and f.name not in _ALL_DIFFERENT]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": repeating,
        "data_page_size": _PAGE_BYTES,
        "sorting_columns": [pq.SortingColumn(schema.get_field_index(STORED))],
    }


@cache
def tombstone(table: str) -> bytes:
    """
    Make a table file without rows.

    :param table: its table; one that only a later version of this package knows gets the columns of all.
    """
    columns = EVERY_TABLE.get(table) or pa.schema([(NUMBER, pa.string()), (STORED, MOMENT)])
    return encode(columns.empty_table())
