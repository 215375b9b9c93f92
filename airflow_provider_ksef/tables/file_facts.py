"""What a table file's footer tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.schema import MOMENT, STORED
from airflow_provider_ksef.tables.storage import Store


@dataclass(frozen=True)
class FileFacts:
    """
    A table file.

    :param name: its name, without the folder.
    :param rows: how many rows it holds; none in a file that only forbids a late publication.
    :param size: bytes of its compressed columns.
    :param first: first storage date in microseconds since 1970; 0 without rows.
    :param last: last storage date; 0 without rows.
    :param schema: its columns.
    """

    name: str
    rows: int
    size: int
    first: int
    last: int
    schema: pa.Schema


def file_facts(store: Store, folder: str, name: str) -> FileFacts:
    """
    Read a file's footer.

    :param folder: the folder of its month.
    :param name: the file.
    :raises FileNotFoundError: where it is gone.
    :raises KsefTableError: where it is damaged.
    """
    try:
        with store.open(f"{folder}/{name}") as file, pq.ParquetFile(file) as parquet:
            metadata = parquet.metadata
            groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
            size = sum(
                group.column(column).total_compressed_size
                for group in groups
                for column in range(group.num_columns)
            )
            first, last = _span(parquet) if metadata.num_rows else (0, 0)
            return FileFacts(name, metadata.num_rows, size, first, last, parquet.schema_arrow)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, KeyError, OSError) as error:
        raise unreadable(f"{folder}/{name}", error) from error


def packed(files: Iterable[FileFacts], size: int) -> list[list[FileFacts]]:
    """
    Divide files into groups, in the order of their storage dates.

    :param size: bytes that a group should not exceed; a larger file is a group of its own.
    """
    groups: list[list[FileFacts]] = []
    left = 0
    for file in sorted(files, key=lambda file: (file.first, file.name)):
        if not groups or file.size > left:
            groups.append([])
            left = size
        groups[-1].append(file)
        left -= file.size
    return groups


def unreadable(path: str, error: Exception) -> KsefTableError:
    """Say that a table file is damaged, or none of ours."""
    return KsefTableError(
        f"The table file {path} cannot be read: {error}.",
        "Move it away or restore it; this package never leaves a file half-written.",
    )


def _span(parquet: pq.ParquetFile) -> tuple[int, int]:
    """Give the first and the last storage date; the column is small, and statistics may be missing."""
    stored = parquet.read([STORED]).column(STORED).cast(MOMENT).cast(pa.int64())
    bounds = pc.min_max(stored).as_py()
    return bounds["min"], bounds["max"]
