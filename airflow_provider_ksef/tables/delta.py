"""Tables kept as Delta tables, one for each of our tables, by the library deltalake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.tables.commit import CommitResult
from airflow_provider_ksef.tables.compaction import CompactedMonth
from airflow_provider_ksef.tables.delta_commit import DeltaWriter, rows_in
from airflow_provider_ksef.tables.delta_deletion import delete_delta_rows
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_storage import delta_address
from airflow_provider_ksef.tables.delta_upkeep import compact_delta
from airflow_provider_ksef.tables.delta_watermark import watermark_in
from airflow_provider_ksef.tables.delta_watermark_moves import move_delta_steps
from airflow_provider_ksef.tables.environment import marked_environment
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.leased import run_steps
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.watermark import Watermark
from airflow_provider_ksef.tables.watermark_moves import Move


class DeltaTables:
    """
    Delta tables below one folder.

    :param root: ``tables_path``.
    :raises KsefInputError: where Delta tables cannot be kept there.
    """

    def __init__(self, root: UPath) -> None:
        delta_address(root, INVOICES_TABLE)
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
        writer = DeltaWriter(self.root, key, window, environment, moves_watermark)
        return run_steps(writer.steps(rows, owner))

    def watermark(self, key: TableKey) -> Watermark | None:
        """See :meth:`TableFormat.watermark`."""
        log = DeltaLog(self.root, INVOICES_TABLE)
        snapshot = log.snapshot()
        if snapshot is None:
            return None
        environment = marked_environment(open_store(self.root)) or ""
        return watermark_in(snapshot, key, environment, log.recent_commits(snapshot))

    def move_watermark(self, key: TableKey, move: Move, *, owner: str) -> Watermark | None:
        """See :meth:`TableFormat.move_watermark`."""
        return run_steps(move_delta_steps(self.root, key, move, owner=owner))

    def rows(self, key: TableKey, span: tuple[int, int], columns: Sequence[str]) -> pa.Table:
        """See :meth:`TableFormat.rows`."""
        log = DeltaLog(self.root, key.table)
        return rows_in(log, log.snapshot(), key, span, columns)

    def compact(
        self, key: TableKey, *, owner: str, keep_open_months: int = 0, dry_run: bool = False
    ) -> tuple[CompactedMonth, ...]:
        """See :meth:`TableFormat.compact`."""
        watermark = self.watermark(key)
        return compact_delta(
            self.root,
            key,
            position=None if watermark is None else watermark.position,
            owner=owner,
            keep_open_months=keep_open_months,
            dry_run=dry_run,
        )

    def delete_rows(
        self, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
    ) -> Mapping[str, int]:
        """See :meth:`TableFormat.delete_rows`."""
        return delete_delta_rows(self.root, key, rule, owner=owner, dry_run=dry_run)
