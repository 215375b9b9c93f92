"""
Compaction of Delta tables, and what is done to them by the library's own operations.

The lease keeps our writers apart; anybody else is kept apart by the log, on which an operation is repeated.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.compaction import CompactedMonth
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_merging import DeltaMonth
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.leased import run_steps, under_leases
from airflow_provider_ksef.tables.moments import to_datetime
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.storage import open_store

log = logging.getLogger(__name__)

TRIES = 10


def compact_delta(
    root: UPath,
    key: TableKey,
    *,
    position: str | None,
    owner: str,
    keep_open_months: int = 0,
    dry_run: bool = False,
) -> tuple[CompactedMonth, ...]:
    """
    Merge the files of closed months; see :func:`compaction.compact_parts`.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param position: the watermark; None where there is none.
    :param owner: see :class:`lease.LeaseRecord`.
    :param keep_open_months: how many of the newest closed months to leave alone.
    :param dry_run: only say what would be merged.
    """
    now, store = datetime.now(UTC), open_store(root)
    reached = now if position is None else min(now, to_datetime(position))
    done: list[CompactedMonth | None] = []
    for table in TABLES:
        delta, part = DeltaLog(root, table), replace(key, table=table)
        months = [
            DeltaMonth(store, delta, part, month) for month in _closed(delta, part, reached, keep_open_months)
        ]
        if dry_run:
            done.extend(month.planned() for month in months)
            continue
        works = (month.merge for month in months)
        done.extend(run_steps(under_leases(store, key, owner, time.time, works)))
        remove_unnamed(delta)
    merged = sorted((month for month in done if month is not None), key=lambda done: (done.month, done.table))
    for month in merged:
        log.info(
            "%s %s, %s: %d files %s %d.",
            key.context, month.table, month.month, month.files_before,
            "would become" if dry_run else "became", month.files_after,
        )  # fmt: skip
    return tuple(merged)


def remove_unnamed(delta: DeltaLog) -> None:
    """
    Remove files that no snapshot of the last week names: what was merged or deleted, what dead writers left.

    :param delta: the table.
    """
    repeated(delta, lambda snapshot: snapshot.vacuum(dry_run=False, full=True))


def _closed(delta: DeltaLog, part: TableKey, reached: datetime, keep_open: int) -> list[str]:
    """List the closed months that have several files."""
    months = delta.months(delta.snapshot(), part)
    closed = sorted(month for month in months if month < f"{reached:%Y-%m}")
    return [month for month in closed[: max(0, len(closed) - keep_open)] if len(months[month]) > 1]


def repeated(delta: DeltaLog, operation: Callable[[DeltaTable], Any]) -> Any:
    """
    Do something on the newest snapshot, once more where another writer was faster; nothing without a table.

    :param delta: the table.
    :param operation: what is done.
    :raises KsefLeaseError: where others were faster all the time.
    """
    for _ in range(TRIES):
        snapshot = delta.snapshot()
        if snapshot is None:
            return None
        try:
            with delta.errors_told():
                return operation(snapshot)
        except CommitFailedError:
            continue
    raise KsefLeaseError(
        f"Other writers have committed to {delta.address} {TRIES} times while we tried.",
        "Run it again; nothing was left half-done.",
    )
