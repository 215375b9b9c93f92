"""Deleting the rows that a retention rule stands for from Delta tables; see :mod:`row_deletion`."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import replace
from functools import partial

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_merging import DeltaMonth
from airflow_provider_ksef.tables.delta_upkeep import remove_unnamed, repeated
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.merged_file import Stays
from airflow_provider_ksef.tables.moments import to_datetime
from airflow_provider_ksef.tables.retention import RetentionRule, note_rule
from airflow_provider_ksef.tables.row_deletion import (
    count_gone,
    invoices_last,
    staying_numbers,
    staying_rows,
)
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.storage import open_store

log = logging.getLogger(__name__)


def delete_delta_rows(
    root: UPath, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
) -> Mapping[str, int]:
    """
    Note a rule, then delete the rows that it stands for; see :func:`row_deletion.delete_rows`.

    Older snapshots hold them for a week; the next deletion or compaction after it removes their files.
    """
    if dry_run:
        return _counted(root, key, rule)
    deleted = run_steps(delta_deletion_steps(root, key, rule, owner=owner))
    for table in TABLES:
        remove_unnamed(DeltaLog(root, table))
    return deleted


def delta_deletion_steps(
    root: UPath, key: TableKey, rule: RetentionRule, *, owner: str, clock: Clock = time.time
) -> Generator[Step, None, Mapping[str, int]]:
    """Note a rule and delete rows, step by step."""
    store, deleted = open_store(root), dict.fromkeys(TABLES, 0)

    def note(lease: Lease) -> Generator[Step, None, None]:
        note_rule(store, key, rule)
        yield "retention: noted the rule"
        for table in TABLES:
            delta = DeltaLog(root, table)
            repeated(delta, partial(_let_grow, delta, key))
            lease.keep()
        yield "retention: whoever looked at the tables before must look again"

    yield from under_lease(store, key, owner, clock, note)
    for month in _months(root, key, rule):

        def work(lease: Lease, month: str = month) -> Generator[Step, None, None]:
            stays = _stays(root, key, month, rule)
            for table in invoices_last():
                part = DeltaMonth(store, DeltaLog(root, table), replace(key, table=table), month)
                deleted[table] += yield from part.delete(lease, stays)

        yield from under_lease(store, key, owner, clock, work)
    log.info("%s %s: deleted %s.", key.context, key.subject_type, deleted)
    return deleted


def _let_grow(delta: DeltaLog, key: TableKey, snapshot: DeltaTable) -> None:
    """Commit nothing: a writer that slept, and knows nothing of a new rule, finds that the log has grown."""
    if not delta.commit(snapshot, key, [], {}, {}):
        raise CommitFailedError


def _counted(root: UPath, key: TableKey, rule: RetentionRule) -> dict[str, int]:
    store, counted = open_store(root), dict.fromkeys(TABLES, 0)
    for month in _months(root, key, rule):
        stays = _stays(root, key, month, rule)
        for table in TABLES:
            paths = _paths(root, replace(key, table=table)).get(month, [])
            counted[table] += sum(count_gone(store, path, stays) for path in paths)
    return counted


def _months(root: UPath, key: TableKey, rule: RetentionRule) -> list[str]:
    last = f"{to_datetime(rule.stored_before):%Y-%m}"
    months = {month for table in TABLES for month in _paths(root, replace(key, table=table))}
    return sorted(month for month in months if month <= last)


def _stays(root: UPath, key: TableKey, month: str, rule: RetentionRule) -> Stays:
    paths = _paths(root, replace(key, table=INVOICES_TABLE)).get(month, [])
    return staying_rows(rule, staying_numbers(open_store(root), paths, rule))


def _paths(root: UPath, part: TableKey) -> dict[str, list[str]]:
    delta = DeltaLog(root, part.table)
    months = delta.paths(delta.snapshot(), part)
    return {month: [f"{part.table}/{path}" for path in paths] for month, paths in months.items()}
