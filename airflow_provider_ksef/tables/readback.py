"""Which of an export's invoices a table already holds: only the span's months and row groups are read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.incoming import CommittedWindow
from airflow_provider_ksef.tables.layout import (
    TableKey,
    key_folder,
    month_folder,
    named_span,
)
from airflow_provider_ksef.tables.live_files import live_names, live_paths, settled, table_paths
from airflow_provider_ksef.tables.row_order import sorted_once, storage_span
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED, TABLES
from airflow_provider_ksef.tables.storage import Store, open_store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FindThere = Callable[[TableKey, pa.Array, tuple[int, int]], Generator[str, None, pa.Array]]
"""Finds which KSeF numbers are in a part of a table over a span, as :func:`numbers_there` does."""


def without_those_there(
    find: FindThere, key: TableKey, window: CommittedWindow, rows: pa.Table
) -> Generator[str, None, pa.Table]:
    """
    Leave the invoices that a table lacks, sorted.

    :param find: reads the table back.
    :param key: the part of the table.
    :param window: what the export stands for.
    :param rows: the export's rows of ``invoices``.
    """
    rows = sorted_once(rows)
    if not rows.num_rows:
        return rows
    numbers = rows.column(NUMBER).combine_chunks()
    there = yield from find(key, numbers, window.span_with(*storage_span(rows)))
    return rows.filter(pc.invert(pc.is_in(numbers, there)))


def numbers_there(
    store: Store, key: TableKey, numbers: pa.Array, span: tuple[int, int], keep_lease: Callable[[], None]
) -> Generator[str, None, pa.Array]:
    """
    Find the KSeF numbers that are in the table, leftovers of dead writers included.

    :param numbers: the export's numbers.
    :param span: first and last storage date in microseconds since 1970, both inclusive.
    :param keep_lease: called after each file.
    :returns: those of ``numbers`` that are there.
    """
    found = [numbers.slice(0, 0)]
    for month in _months(store, key, span):
        folder = month_folder(key, month)
        names = [name for name in live_names(store, folder) if _may_hold(name, span)]
        yield "read back: listed a month"
        for name in names:
            path = f"{folder}/{name}"
            with store.open(path) as file:
                found.extend(pc.filter(there, pc.is_in(there, numbers)) for there in _read(file, path, span))
            keep_lease()
            yield "read back: read a file"
    return pa.concat_arrays(found)


def all_rows(root: UPath, key: TableKey, span: tuple[int, int], columns: Sequence[str]) -> pa.Table:
    """
    Give the rows of one part of a table, as often as they are there.

    :param root: ``tables_path``.
    :param key: the part.
    :param span: first and last storage date in microseconds since 1970, both inclusive.
    :param columns: names of the columns wanted; null where an old file lacks one.
    :raises KsefTableError: where a file is damaged or none of ours.
    """
    store = open_store(root)
    schema = pa.schema([TABLES[key.table].field(name) for name in columns])
    found = [schema.empty_table()]
    for month in _months(store, key, span):
        found.extend(settled(partial(_month_rows, store, month_folder(key, month), span, schema)))
    return pa.concat_tables(found)


def _month_rows(store: Store, folder: str, span: tuple[int, int], schema: pa.Schema) -> list[pa.Table]:
    found: list[pa.Table] = []
    for path in live_paths(store, partial(table_paths, store, folder)):
        if _may_hold(path.rsplit("/", 1)[-1], span):
            with store.open(path) as file:
                found.append(_file_rows(file, path, span, schema))
    return found


def _file_rows(file: BinaryIO, path: str, span: tuple[int, int], schema: pa.Schema) -> pa.Table:
    first, last = (pa.scalar(bound, pa.int64()).cast(MOMENT) for bound in span)
    with _errors_told(path), pq.ParquetFile(file) as parquet:
        groups = _groups(parquet.metadata, span)
        if not groups:
            return schema.empty_table()
        there = set(parquet.schema_arrow.names)
        rows = parquet.read_row_groups(groups, [name for name in {*schema.names, STORED} if name in there])
        inside = pc.and_(pc.greater_equal(rows[STORED], first), pc.less_equal(rows[STORED], last))
        rows = rows.filter(inside)
        columns = [
            rows[field.name].cast(field.type) if field.name in there else pa.nulls(rows.num_rows, field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)


def _months(store: Store, key: TableKey, span: tuple[int, int]) -> list[str]:
    first, last = (f"{_EPOCH + timedelta(microseconds=bound):%Y-%m}" for bound in span)
    months = (name.removeprefix("month=") for name in store.names(key_folder(key)))
    return [month for month in months if first <= month <= last]


def _may_hold(name: str, span: tuple[int, int]) -> bool:
    promised = named_span(name)
    return promised is None or (promised[0] <= span[1] and span[0] <= promised[1])


def _read(file: BinaryIO, path: str, span: tuple[int, int]) -> list[pa.Array]:
    with _errors_told(path), pq.ParquetFile(file) as parquet:
        groups = _groups(parquet.metadata, span)
        return parquet.read_row_groups(groups, [NUMBER]).column(NUMBER).chunks if groups else []


@contextmanager
def _errors_told(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, KeyError, OSError) as error:
        raise KsefTableError(
            f"The table file {path} cannot be read: {error}.",
            "Move it away or restore it; this package never leaves a file half-written.",
        ) from error


def _groups(metadata: pq.FileMetaData, span: tuple[int, int]) -> list[int]:
    """Choose the row groups whose statistics allow a row of the span."""
    column = metadata.schema.to_arrow_schema().names.index(STORED) if metadata.num_row_groups else 0
    first, last = (_EPOCH + timedelta(microseconds=bound) for bound in span)
    chosen = []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(column).statistics
        if (
            statistics is None
            or not statistics.has_min_max
            or (statistics.min <= last and first <= statistics.max)
        ):
            chosen.append(group)
    return chosen
