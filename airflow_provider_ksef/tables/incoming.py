"""What one export stands for and brings: invoices in memory, their documents and lines in files on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.moments import parse_ticks, to_microseconds


@dataclass(frozen=True)
class CommittedWindow:
    """
    What an export stands for.

    :param start: the window's lower bound, KSeF's own date string.
    :param end: where the table is complete to when the rows are in: the watermark's next position.
    :param export_reference: the export's reference number in KSeF.
    """

    start: str
    end: str
    export_reference: str

    def __post_init__(self) -> None:
        """Refuse a window that runs backwards."""
        if parse_ticks(self.end) < parse_ticks(self.start):
            raise KsefTableError(
                f"The window ends at {self.end}, before it starts at {self.start}.",
                "The watermark only moves forward; the table is as it was.",
            )

    def span_with(self, first: int, last: int) -> tuple[int, int]:
        """
        Give the time that the window and its rows lie in, in microseconds since 1970, both inclusive.

        :param first: storage date of the first row, which KSeF may send though it lies beyond the window.
        :param last: storage date of the last row.
        """
        return min(first, to_microseconds(self.start)), max(last, to_microseconds(self.end))


@dataclass(frozen=True)
class StagedFile:
    """
    A finished Parquet file on the worker's own disk, not yet part of a table.

    It has the columns of its table, ``ksef_number`` and ``permanent_storage_date`` among them, and is sorted
    by the latter; all rows of one invoice are in one file, once even where the export holds it twice.

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
