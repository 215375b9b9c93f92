"""Rows of the tables beside ``invoices`` become finished files on the worker's disk, by row groups."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_ksef.tables.columns import STORED
from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.row_order import storage_span
from airflow_provider_ksef.tables.schema import TABLES

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A file is closed when it is larger: a commit may have to read it, an object store gets it in one put."""

ROW_GROUP_BYTES = 8 * 1024 * 1024
"""Rows that wait for being written, as Arrow holds them."""

_NOT_COMPARED = ("xml",)
"""Columns that no reader prunes by, and that never repeat."""


@dataclass(frozen=True)
class StagedDocuments:
    """
    What became of the documents of an export.

    :param files: for :class:`incoming.IncomingRows`.
    :param documents: rows of ``invoice_documents``.
    :param lines: rows of ``invoice_lines``.
    :param unreadable: documents that have a ``parse_error``.
    """

    files: tuple[StagedFile, ...]
    documents: int
    lines: int
    unreadable: int


class StagedTable:
    """
    One table's files, as they grow.

    :param table: the table's name.
    :param folder: where the files lie.
    :param writer: a name that no other writer in this folder has.
    """

    def __init__(self, table: str, folder: Path, writer: str) -> None:
        self.table = table
        self.folder = folder
        self.writer = writer
        self.files: list[StagedFile] = []
        self._open: _OpenFile | None = None
        self._month = ""
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0

    def add(self, month: str, rows: pa.Table) -> None:
        """
        Add rows; they are written when a row group is full.

        :param month: the UTC month of all rows, such as ``2026-03``; never before that of the rows before.
        :param rows: sorted by storage date, and not before the rows before.
        """
        if not rows.num_rows:
            return
        if month != self._month:
            self.close()
            self._month = month
        self._pending.append(rows)
        self._pending_bytes += rows.nbytes
        if self._pending_bytes >= ROW_GROUP_BYTES:
            self._write_row_group()

    def close(self) -> None:
        """Finish the file that is open."""
        self._write_row_group()
        if self._open is not None:
            self.files.append(self._open.finish())
            self._open = None

    def _write_row_group(self) -> None:
        if not self._pending:
            return
        rows = pa.concat_tables(self._pending)
        self._pending, self._pending_bytes = [], 0
        if self._open is None:
            name = f"{self.table}_{self._month}_{self.writer}_{len(self.files)}.parquet"
            self._open = _OpenFile.begin(self.table, self._month, self.folder / name)
        if self._open.add(rows) >= MAX_FILE_BYTES:
            self.close()

    def __enter__(self) -> StagedTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif self._open is not None:
            self._open.writer.close()


@dataclass
class _OpenFile:
    table: str
    month: str
    path: Path
    writer: pq.ParquetWriter
    rows: int = 0
    first: int = 0
    last: int = 0

    @classmethod
    def begin(cls, table: str, month: str, path: Path) -> _OpenFile:
        schema = TABLES[table]
        compared = [name for name in schema.names if name not in _NOT_COMPARED]
        writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=compared,
            write_statistics=compared,
            sorting_columns=[pq.SortingColumn(schema.get_field_index(STORED))],
        )
        return cls(table, month, path, writer)

    def add(self, rows: pa.Table) -> int:
        first, self.last = storage_span(rows)
        self.first = self.first if self.rows else first
        self.rows += rows.num_rows
        self.writer.write_table(rows, row_group_size=rows.num_rows)
        return self.path.stat().st_size

    def finish(self) -> StagedFile:
        self.writer.close()
        return StagedFile(self.table, self.month, self.path, self.rows, self.first, self.last)
