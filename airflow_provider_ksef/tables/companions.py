"""
The tables beside ``invoices``: which rows of an export's staged files are new, and what brings them.

Each table is read back for itself. So a backfill with documents adds those of invoices that are there, and
what a dead writer published of one table is not written again. Documents come last of them: a document that
is there has its lines and tax sums.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows, StagedFile
from airflow_provider_ksef.tables.layout import DOCUMENTS_TABLE, TableKey, month_folder
from airflow_provider_ksef.tables.lease import Lease
from airflow_provider_ksef.tables.month_files import MonthFile, name_in, writer_options
from airflow_provider_ksef.tables.readback import FindThere
from airflow_provider_ksef.tables.schema import NUMBER


@dataclass(frozen=True)
class CheckedFile:
    """
    A staged file that may become part of its table.

    :param staged: the file.
    :param numbers: the KSeF number of each of its rows.
    """

    staged: StagedFile
    numbers: pa.Array


@dataclass(frozen=True)
class CompanionFiles:
    """
    What the companion tables get.

    :param files: files to publish, before those of ``invoices``.
    :param rows: new rows by table; a table that was staged is named even where all its rows are there.
    """

    files: tuple[MonthFile, ...]
    rows: dict[str, int]


def check_staged(rows: IncomingRows) -> dict[str, list[CheckedFile]]:
    """
    Check that each row of the staged files belongs to an invoice of the export, before any lease is taken.

    :returns: the files by table, in the order in which they are published: documents last.
    :raises KsefTableError: where a row has no invoice, or one invoice has rows in two files of a table.
    """
    invoices = rows.invoices.column(NUMBER).combine_chunks()
    tables: dict[str, list[CheckedFile]] = {}
    for staged in sorted(rows.staged, key=_publication_order):
        with pq.ParquetFile(staged.path) as parquet:
            numbers = parquet.read([NUMBER]).column(NUMBER).combine_chunks()
        strangers = numbers.filter(pc.invert(pc.is_in(numbers, invoices)))
        _refuse(staged, strangers, "that the export does not hold")
        before = tables.setdefault(staged.table, [])
        for other in before:
            twice = numbers.filter(pc.is_in(numbers, other.numbers))
            _refuse(staged, twice, "whose rows are in another staged file, too")
        before.append(CheckedFile(staged, numbers))
    return tables


def companion_files(
    find: FindThere,
    key: TableKey,
    window: CommittedWindow,
    tables: dict[str, list[CheckedFile]],
    lease: Lease,
    *,
    gone: pa.Array,
) -> Generator[str, None, CompanionFiles]:
    """
    Read the companion tables back and make the files that bring what is missing.

    A staged file of which no row is there is published as it lies on the worker's disk; of another one the
    new rows are copied beside it.

    :param find: reads a table back.
    :param key: the part of the tables.
    :param window: what the export stands for.
    :param tables: what :func:`check_staged` gave.
    :param lease: guards all tables of the part.
    :param gone: KSeF numbers that retention keeps out.
    """
    files: list[MonthFile] = []
    written: dict[str, int] = {}
    for table, checked in tables.items():
        place = replace(key, table=table)
        numbers = pc.unique(pa.concat_arrays([file.numbers for file in checked]))
        first, last = min(file.staged.first for file in checked), max(file.staged.last for file in checked)
        span = window.span_with(first, last)
        there = yield from find(place, numbers, span)
        there = pa.concat_arrays([there, gone])
        written[table] = 0
        for ordinal, file in enumerate(checked):
            new = file.numbers.filter(pc.invert(pc.is_in(file.numbers, there)))
            written[table] += len(new)
            if len(new):
                bounds = (file.staged.first, file.staged.last)
                name = name_in(window, bounds, lease.token, ordinal)
                path = f"{month_folder(place, file.staged.month)}/{name}"
                files.append(MonthFile(path, _with_rows(file, new, lease), file.staged.month, new, bounds))
    return CompanionFiles(tuple(files), written)


def _with_rows(file: CheckedFile, new: pa.Array, lease: Lease) -> Path:
    """Give a file of the new rows only; a row group at a time, since documents may be large."""
    if len(new) == len(file.numbers):
        return file.staged.path
    path = file.staged.path.with_name(f"{file.staged.path.stem}-{lease.token}.parquet")
    with pq.ParquetFile(file.staged.path) as source:
        schema = source.schema_arrow
        with pq.ParquetWriter(path, schema, **writer_options(schema)) as target:
            for group in range(source.num_row_groups):
                rows = source.read_row_group(group)
                kept = rows.filter(pc.is_in(rows.column(NUMBER), new))
                if kept.num_rows:
                    target.write_table(kept)
                lease.keep()
    return path


def _publication_order(file: StagedFile) -> tuple[bool, str, int]:
    return file.table == DOCUMENTS_TABLE, file.table, file.first


def _refuse(staged: StagedFile, numbers: pa.Array, problem: str) -> None:
    if len(numbers):
        raise KsefTableError(
            f"A file of {staged.table} holds rows of {numbers[0]}, an invoice {problem}.",
            "The tables are as they were; this is a mistake in whatever staged the file.",
        )
