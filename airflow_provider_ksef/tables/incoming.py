"""What one export brings to the tables: invoices in memory, their documents and lines in files on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa


@dataclass(frozen=True)
class StagedFile:
    """
    A finished Parquet file on the worker's own disk, not yet part of a table.

    It has the columns of its table, ``ksef_number`` and ``permanent_storage_date`` among them, and is sorted
    by the latter; all rows of one invoice are in one file.

    :param table: such as ``invoice_lines``.
    :param month: the UTC month of all its rows, such as ``2026-03``.
    :param path: where it lies.
    :param rows: how many.
    :param first: the first storage date, microseconds since 1970.
    :param last: the last one.
    """

    table: str
    month: str
    path: Path
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class IncomingRows:
    """
    The rows of one export.

    :param invoices: rows of the table ``invoices``.
    :param staged: files of the tables beside it, published before the invoices are.
    """

    invoices: pa.Table
    staged: tuple[StagedFile, ...] = ()
