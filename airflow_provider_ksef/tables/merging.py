"""Sorted Parquet files become one, row group by row group: memory does not grow with the files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED

_BATCH_ROWS = 4_096
_BATCH_BYTES = 8 << 20
_BUFFER_BYTES = 1 << 20
_ORDER = [(STORED, "ascending"), (NUMBER, "ascending")]

Opener = Callable[[str], BinaryIO]


class _Cursor:
    """The next rows of one sorted file, which is closed after its last."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self.file = file
        parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
        self._batches = parquet.iter_batches(batch_rows(parquet.metadata), use_threads=False)
        self._schema = schema
        self._next = self._read()
        self.rows = schema.empty_table()
        self.advance()

    @property
    def has_more(self) -> bool:
        """Whether rows follow that are not in memory yet."""
        return self._next is not None

    @property
    def last(self) -> int:
        """Storage date of the last row in memory."""
        return _stored(self.rows, -1)

    def advance(self) -> None:
        """Bring the next rows into memory, behind those that are there."""
        if self._next is not None:
            self.rows = pa.concat_tables([self.rows, self._next])
            self._next = self._read()

    def take_before(self, bound: int | None) -> pa.Table:
        """Hand over the rows that were stored before a moment, all of them where there is none."""
        count = self.rows.num_rows
        if bound is not None:
            earlier = pc.less(self.rows[STORED], pa.scalar(bound, pa.int64()).cast(MOMENT))
            count = pc.sum(earlier).as_py() or 0
        taken, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        if not self.rows.num_rows:
            self.advance()
        return taken

    def _read(self) -> pa.Table | None:
        for batch in self._batches:
            if batch.num_rows:
                return fitted(pa.Table.from_batches([batch]), self._schema)
        self.file.close()
        return None


def merged_rows(paths: Sequence[tuple[str, int]], open_file: Opener, schema: pa.Schema) -> Iterator[pa.Table]:
    """
    Give the rows of sorted files in one order: by storage date, then by KSeF number.

    Only files whose spans meet are open at once.

    :param paths: each file with its first storage date in microseconds since 1970.
    :param open_file: opens one of them.
    :param schema: the columns wanted, see :func:`common_schema`.
    """
    waiting = deque(sorted(paths, key=lambda item: item[1]))
    active: list[_Cursor] = []
    try:
        while waiting or active:
            if not active:
                active.append(_Cursor(open_file(waiting.popleft()[0]), schema))
            bounds = [cursor.last for cursor in active if cursor.has_more]
            if waiting:
                bounds.append(waiting[0][1])
            bound = min(bounds, default=None)
            taken = [rows for cursor in active if (rows := cursor.take_before(bound)).num_rows]
            if taken:
                yield pa.concat_tables(taken).sort_by(_ORDER)
            elif waiting and waiting[0][1] == bound:
                active.append(_Cursor(open_file(waiting.popleft()[0]), schema))
            else:
                next(cursor for cursor in active if cursor.has_more and cursor.last == bound).advance()
            active = [cursor for cursor in active if cursor.rows.num_rows]
    finally:
        for cursor in active:
            cursor.file.close()


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """
    Give the columns that any of the files has: a file of an earlier version may lack some.

    :raises pa.ArrowException: where a column has two types.
    """
    return pa.unify_schemas([schema.remove_metadata() for schema in schemas])


def fitted(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give rows the columns of a schema, null where they lack one."""
    columns = [
        rows[field.name].cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def batch_rows(metadata: pq.FileMetaData) -> int:
    """
    Say how many rows to read at once: fewer where they are large, as documents are.

    :param metadata: of the file.
    """
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    rows: int = _BATCH_BYTES * metadata.num_rows // max(1, size)
    return max(1, min(_BATCH_ROWS, rows))


def _stored(rows: pa.Table, place: int) -> int:
    value: int = rows[STORED].cast(MOMENT).cast(pa.int64())[place].as_py()
    return value
