"""One table file made of several, and held against them before it takes their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.file_facts import FileFacts, unreadable
from airflow_provider_ksef.tables.merging import Opener, common_schema, merged_rows
from airflow_provider_ksef.tables.month_files import ROW_GROUP_ROWS, writer_options
from airflow_provider_ksef.tables.schema import NUMBER, STORED

ROW_GROUP_BYTES = 32 << 20
"""Documents are large: a row group ends here, however few rows it has."""

Stays = Callable[[pa.Table], pa.ChunkedArray]
"""Tells which rows stay, by their KSeF numbers and storage dates."""

_DIGESTS = 1 << 64


@dataclass(frozen=True)
class _Digest:
    """
    What rows are, in short: equal for the same KSeF numbers, as often, in whatever order.

    :param rows: how many.
    :param numbers: the sum of their numbers' hashes.
    :param in_order: whether they came in the order of their storage dates.
    """

    rows: int
    numbers: int
    in_order: bool


def write_merged(
    files: Sequence[tuple[str, FileFacts]],
    open_file: Opener,
    target: Path,
    *,
    stays: Stays | None,
    metadata: Mapping[bytes, bytes],
    keep_lease: Callable[[], None],
) -> int:
    """
    Write the rows of sorted files into one, sorted, and check what was written.

    :param files: paths and facts of the files.
    :param open_file: opens one of them.
    :param target: the new file, on the worker's own disk.
    :param stays: which rows stay; all where there is none.
    :param metadata: for the new file's key-value metadata.
    :param keep_lease: called after each row group.
    :returns: how many rows were written.
    :raises KsefTableError: where a file is damaged, or the rows written are not those that were read.
    """
    try:
        wanted = [_digest(open_file(path), stays) for path, _ in files]
        schema = common_schema([facts.schema for _, facts in files])
        spans = [(path, facts.first) for path, facts in files if facts.rows]
        rows = merged_rows(spans, open_file, schema)
        with pq.ParquetWriter(target, schema, **writer_options(schema)) as writer:
            for group in _row_groups(rows if stays is None else (part.filter(stays(part)) for part in rows)):
                writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
                keep_lease()
            writer.add_key_value_metadata(metadata)
    except pa.ArrowException as error:
        raise unreadable(", ".join(path for path, _ in files), error) from error
    return _check(target, wanted)


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Gather rows until they make a row group."""
    gathered: list[pa.Table] = []
    count = size = 0
    for rows in tables:
        gathered.append(rows)
        count, size = count + rows.num_rows, size + rows.nbytes
        if count >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            yield pa.concat_tables(gathered)
            gathered, count, size = [], 0, 0
    if count:
        yield pa.concat_tables(gathered)


def _check(target: Path, wanted: Sequence[_Digest]) -> int:
    written = _digest(target.open("rb"), None)
    rows, numbers = sum(part.rows for part in wanted), sum(part.numbers for part in wanted) % _DIGESTS
    if (written.rows, written.numbers) != (rows, numbers) or not written.in_order:
        raise KsefTableError(
            f"{target.name} would hold {written.rows} rows and not the {rows} that its sources hold"
            f"{'' if written.in_order else ', and they would not be in order'}.",
            "The table is as it was. Run `python -m airflow_provider_ksef.tables verify`, and report it.",
        )
    return rows


def _digest(file: BinaryIO, stays: Stays | None) -> _Digest:
    count = numbers = 0
    in_order, last = True, None
    with file, pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(columns=[NUMBER, STORED], use_threads=False):
            rows = pa.Table.from_batches([batch])
            rows = rows if stays is None else rows.filter(stays(rows))
            count += rows.num_rows
            numbers = (numbers + sum(map(hash, rows[NUMBER].to_pylist()))) % _DIGESTS
            stored = rows[STORED].combine_chunks()
            stored = stored if last is None else pa.concat_arrays([last, stored])
            in_order = in_order and bool(
                pc.all(pc.greater_equal(stored[1:], stored[:-1]), min_count=0).as_py()
            )
            last = stored[-1:]
    return _Digest(count, numbers, in_order)
