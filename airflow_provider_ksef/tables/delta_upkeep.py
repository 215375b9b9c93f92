"""
Compaction of Delta tables, and retention by the library's own operation.

The lease keeps our writers apart; anybody else is kept apart by the log, on which an operation is repeated.
Compaction also removes files that no snapshot has named for a week: what was merged or deleted by then, and
what dead writers left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from operator import methodcaller
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.compaction import CompactedMonth
from airflow_provider_ksef.tables.delta_log import PARTITIONS, DeltaLog
from airflow_provider_ksef.tables.delta_merging import DeltaMonth
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.lease import Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease, under_leases
from airflow_provider_ksef.tables.moments import format_ticks, to_datetime, to_microseconds
from airflow_provider_ksef.tables.retention import PARTIES, RetentionRule, meant, note_rule
from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED, TABLES
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
        _repeated(delta, lambda snapshot: snapshot.vacuum(dry_run=False, full=True))
    merged = sorted((month for month in done if month is not None), key=lambda done: (done.month, done.table))
    for month in merged:
        log.info(
            "%s %s, %s: %d files %s %d.",
            key.context, month.table, month.month, month.files_before,
            "would become" if dry_run else "became", month.files_after,
        )  # fmt: skip
    return tuple(merged)


def delete_delta_rows(
    root: UPath, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
) -> Mapping[str, int]:
    """
    Note a rule, then delete the rows that it stands for; see :func:`row_deletion.delete_rows`.

    Older snapshots hold them until a compaction more than a week later.
    """
    if dry_run:
        return {table: _counted(root, replace(key, table=table), rule) for table in TABLES}
    store, deleted = open_store(root), {}

    def work(lease: Lease) -> Generator[Step, None, None]:
        note_rule(store, key, rule)
        yield "retention: noted the rule"
        for table in TABLES:
            fence = DeltaLog(root, table)
            _repeated(fence, partial(_let_grow, fence, key))
            lease.keep()
        yield "retention: whoever looked at the tables before must look again"
        for table in sorted(TABLES, key=lambda table: table == INVOICES_TABLE):
            part = replace(key, table=table)
            predicate = _predicate(part, rule, _gone_numbers(root, part, rule))
            outcome = _repeated(DeltaLog(root, table), methodcaller("delete", predicate))
            deleted[table] = int((outcome or {}).get("num_deleted_rows", 0))
            lease.keep()
            yield f"retention: deleted from {table}"

    run_steps(under_lease(store, key, owner, time.time, work))
    log.info("%s %s: deleted %s.", key.context, key.subject_type, deleted)
    return deleted


def _let_grow(delta: DeltaLog, key: TableKey, snapshot: DeltaTable) -> None:
    """Commit nothing: a writer that slept, and knows nothing of a new rule, finds that the log has grown."""
    if not delta.commit(snapshot, key, [], {}, {}):
        raise CommitFailedError


def _closed(delta: DeltaLog, part: TableKey, reached: datetime, keep_open: int) -> list[str]:
    """List the closed months that have several files."""
    months = delta.months(delta.snapshot(), part)
    closed = sorted(month for month in months if month < f"{reached:%Y-%m}")
    return [month for month in closed[: len(closed) - keep_open] if len(months[month]) > 1]


def _repeated(delta: DeltaLog, operation: Callable[[DeltaTable], Any]) -> Any:
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


def _gone_numbers(root: UPath, part: TableKey, rule: RetentionRule) -> pa.Array:
    """Give the KSeF numbers whose rows a rule of one counterparty takes; see :mod:`row_deletion`."""
    if rule.nip is None:
        return pa.array([], pa.string())
    invoices = _rows_before(root, replace(part, table=INVOICES_TABLE), rule, [NUMBER, STORED, *PARTIES])
    gone = meant(rule, invoices)
    if part.table == INVOICES_TABLE:
        return invoices.filter(gone)[NUMBER].combine_chunks()
    staying = invoices.filter(pc.invert(gone))[NUMBER].combine_chunks()
    there = _rows_before(root, part, rule, [NUMBER])[NUMBER].combine_chunks().unique()
    return there.filter(pc.invert(pc.is_in(there, staying)))


def _rows_before(root: UPath, part: TableKey, rule: RetentionRule, columns: list[str]) -> pa.Table:
    delta = DeltaLog(root, part.table)
    dataset = delta.dataset(delta.snapshot(), pa.schema([*TABLES[part.table], *PARTITIONS]))
    return dataset.to_table(columns=columns, filter=_of(part) & (pc.field(STORED) < _before(rule)))


def _counted(root: UPath, part: TableKey, rule: RetentionRule) -> int:
    delta = DeltaLog(root, part.table)
    wanted = _of(part) & (pc.field(STORED) < _before(rule))
    if rule.nip is not None:
        wanted &= pc.field(NUMBER).isin(_gone_numbers(root, part, rule))
    columns = pa.schema([pa.field(NUMBER, pa.string()), pa.field(STORED, MOMENT), *PARTITIONS])
    return int(delta.dataset(delta.snapshot(), columns).count_rows(filter=wanted))


def _of(key: TableKey) -> pc.Expression:
    return (pc.field("context") == key.context) & (pc.field("subject_type") == key.subject_type)


def _before(rule: RetentionRule) -> pa.Scalar:
    return pa.scalar(to_microseconds(rule.stored_before), pa.int64()).cast(MOMENT)


def _predicate(key: TableKey, rule: RetentionRule, numbers: pa.Array) -> str:
    before = format_ticks(to_microseconds(rule.stored_before) * 10).replace("0+00:00", "Z")
    parts = [
        f"context = '{key.context}'",
        f"subject_type = '{key.subject_type}'",
        f"{STORED} < '{before}'",
    ]
    if rule.nip is not None:
        listed = ", ".join(f"'{number}'" for number in numbers.to_pylist())
        parts.append(f"{NUMBER} IN ({listed or 'NULL'})")
    return " AND ".join(parts)
