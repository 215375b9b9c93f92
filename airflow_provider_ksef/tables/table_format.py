"""The few things that sync, backfill and verification ask of tables, whatever format they are kept in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.commit import CommitResult, commit_window
from airflow_provider_ksef.tables.compaction import CompactedMonth, compact_parts
from airflow_provider_ksef.tables.environment import DELTA, PARQUET, check_format, found_format
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.leased import run_steps
from airflow_provider_ksef.tables.readback import all_rows
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.row_deletion import delete_rows
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.watermark import Watermark, read_watermark
from airflow_provider_ksef.tables.watermark_moves import Move, move_steps

TABLE_FORMATS = (PARQUET, DELTA)


class TableFormat(Protocol):
    """Tables below one ``tables_path``."""

    def commit(
        self,
        key: TableKey,
        window: CommittedWindow,
        rows: IncomingRows,
        *,
        environment: str,
        owner: str,
        moves_watermark: bool,
    ) -> CommitResult:
        """Put the rows of one export into the tables; see :func:`commit.commit_window`."""

    def watermark(self, key: TableKey) -> Watermark | None:
        """Read how far the table goes; None where nothing was committed yet."""

    def move_watermark(self, key: TableKey, move: Move, *, owner: str) -> Watermark | None:
        """
        Move the watermark anywhere, or remove it, without a row.

        :param key: the context and subject type.
        :param move: makes the new watermark of the old one; it may be called again where others commit.
        :param owner: see :class:`lease.LeaseRecord`.
        :returns: the new watermark.
        :raises KsefLeaseError: where a writer holds the tables for long, or took them over.
        """

    def rows(self, key: TableKey, span: tuple[int, int], columns: Sequence[str]) -> pa.Table:
        """
        Give the rows of one part of a table, as often as they are there.

        :param key: the part; its ``table`` may be any table.
        :param span: first and last storage date in microseconds since 1970, both inclusive.
        :param columns: names of the columns wanted.
        """

    def compact(
        self, key: TableKey, *, owner: str, keep_open_months: int = 0, dry_run: bool = False
    ) -> tuple[CompactedMonth, ...]:
        """Merge the files of closed months; see :func:`compaction.compact_parts`."""

    def delete_rows(
        self, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
    ) -> Mapping[str, int]:
        """Delete the rows that a rule stands for; see :func:`row_deletion.delete_rows`."""


class ParquetTables:
    """
    Tables of plain Parquet files.

    :param root: ``tables_path``.
    """

    def __init__(self, root: UPath) -> None:
        self.root = root

    def commit(
        self,
        key: TableKey,
        window: CommittedWindow,
        rows: IncomingRows,
        *,
        environment: str,
        owner: str,
        moves_watermark: bool,
    ) -> CommitResult:
        """See :meth:`TableFormat.commit`."""
        return commit_window(
            self.root,
            key,
            window,
            rows,
            environment=environment,
            owner=owner,
            moves_watermark=moves_watermark,
        )

    def watermark(self, key: TableKey) -> Watermark | None:
        """See :meth:`TableFormat.watermark`."""
        return read_watermark(self.root, key)

    def move_watermark(self, key: TableKey, move: Move, *, owner: str) -> Watermark | None:
        """See :meth:`TableFormat.move_watermark`."""
        return run_steps(move_steps(self.root, key, move, owner=owner))

    def rows(self, key: TableKey, span: tuple[int, int], columns: Sequence[str]) -> pa.Table:
        """See :meth:`TableFormat.rows`."""
        return all_rows(self.root, key, span, columns)

    def compact(
        self, key: TableKey, *, owner: str, keep_open_months: int = 0, dry_run: bool = False
    ) -> tuple[CompactedMonth, ...]:
        """See :meth:`TableFormat.compact`."""
        return compact_parts(self.root, key, owner=owner, keep_open_months=keep_open_months, dry_run=dry_run)

    def delete_rows(
        self, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
    ) -> Mapping[str, int]:
        """See :meth:`TableFormat.delete_rows`."""
        return delete_rows(self.root, key, rule, owner=owner, dry_run=dry_run)


def format_of(root: UPath) -> str:
    """
    Tell in which format the tables below a folder are kept; ``parquet`` where there are none yet.

    :param root: ``tables_path``.
    """
    return found_format(open_store(root)) or PARQUET


def open_tables(root: UPath, table_format: str = PARQUET) -> TableFormat:
    """
    Give the tables below a folder.

    :param root: ``tables_path``.
    :param table_format: ``parquet`` or ``delta``.
    :raises KsefInputError: where the format is unknown, its library is missing, or the tables are kept in
        another one.
    """
    if table_format not in TABLE_FORMATS:
        raise KsefInputError(
            "table_format", table_format, "is not a format", f"Give one of: {', '.join(TABLE_FORMATS)}."
        )
    check_format(open_store(root), table_format)
    if table_format == PARQUET:
        return ParquetTables(root)
    from airflow_provider_ksef.tables.delta import DeltaTables

    return DeltaTables(root)
