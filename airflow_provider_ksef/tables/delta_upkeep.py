"""
Compaction and retention of Delta tables, by the library's own operations.

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
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.compaction import CompactedMonth
from airflow_provider_ksef.tables.delta_log import PARTITIONS, DeltaLog
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.lease import Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.moments import format_ticks, to_datetime, to_microseconds
from airflow_provider_ksef.tables.month_files import ROW_GROUP_ROWS
from airflow_provider_ksef.tables.retention import RetentionRule, meant, note_rule
from airflow_provider_ksef.tables.schema import INVOICES, MOMENT, NUMBER, STORED, TABLES
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
    now = datetime.now(UTC)
    reached = now if position is None else min(now, to_datetime(position))
    done: list[CompactedMonth] = []

    def work(lease: Lease) -> Generator[Step, None, None]:
        for table in TABLES:
            delta, part = DeltaLog(root, table), replace(key, table=table)
            for month, files in _closed(delta, part, reached, keep_open_months).items():
                done.append(_compacted(delta, part, month, files, dry_run=dry_run))
                lease.keep()
                yield f"compaction: merged {table}"
            if not dry_run:
                _repeated(delta, lambda snapshot: snapshot.vacuum(dry_run=False, full=True))

    run_steps(under_lease(open_store(root), key, owner, time.time, work))
    return tuple(sorted((month for month in done), key=lambda month: (month.month, month.table)))


def delete_delta_rows(
    root: UPath, key: TableKey, rule: RetentionRule, *, owner: str, dry_run: bool = False
) -> Mapping[str, int]:
    """
    Note a rule, then delete the rows that it stands for; see :func:`row_deletion.delete_rows`.

    Older snapshots hold them until a compaction more than a week later.
    """
    if dry_run:
        numbers = _meant_numbers(root, key, rule)
        return {table: _counted(root, replace(key, table=table), rule, numbers) for table in TABLES}
    store, deleted = open_store(root), {}

    def work(lease: Lease) -> Generator[Step, None, None]:
        note_rule(store, key, rule)
        yield "retention: noted the rule"
        predicate = _predicate(key, rule, _meant_numbers(root, key, rule))
        for table in sorted(TABLES, key=lambda table: table == INVOICES_TABLE):
            outcome = _repeated(DeltaLog(root, table), lambda snapshot: snapshot.delete(predicate))
            deleted[table] = int((outcome or {}).get("num_deleted_rows", 0))
            lease.keep()
            yield f"retention: deleted from {table}"

    run_steps(under_lease(store, key, owner, time.time, work))
    log.info("%s %s: deleted %s.", key.context, key.subject_type, deleted)
    return deleted


def _closed(delta: DeltaLog, part: TableKey, reached: datetime, keep_open: int) -> dict[str, int]:
    """Count the files of each closed month that has several."""
    months = sorted(
        (month, len(names))
        for month, names in delta.months(delta.snapshot(), part).items()
        if month < f"{reached:%Y-%m}"
    )
    closed = months[: len(months) - keep_open] if keep_open else months
    return {month: files for month, files in closed if files > 1}


def _compacted(delta: DeltaLog, part: TableKey, month: str, files: int, *, dry_run: bool) -> CompactedMonth:
    dataset = delta.dataset(delta.snapshot(), pa.schema(PARTITIONS))
    rows = int(dataset.count_rows(filter=_of(part) & (pc.field("month") == month)))
    if dry_run:
        return CompactedMonth(part.table, month, files, 1, rows)
    values = {"context": part.context, "subject_type": part.subject_type, "month": month}
    outcome = _repeated(
        delta,
        lambda snapshot: snapshot.optimize.compact(
            partition_filters=[(name, "=", value) for name, value in values.items()],
            writer_properties=WriterProperties(
                compression="ZSTD", compression_level=1, max_row_group_size=ROW_GROUP_ROWS
            ),
        ),
    )
    change = int(outcome["numFilesAdded"]) - int(outcome["numFilesRemoved"]) if outcome else 0
    log.info("%s %s, %s: %d files became %d.", part.context, part.table, month, files, files + change)
    return CompactedMonth(part.table, month, files, files + change, rows)


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


def _meant_numbers(root: UPath, key: TableKey, rule: RetentionRule) -> pa.Array:
    """Give the KSeF numbers of the invoices that a rule of one counterparty stands for."""
    if rule.nip is None:
        return pa.array([], pa.string())
    delta = DeltaLog(root, INVOICES_TABLE)
    dataset = delta.dataset(delta.snapshot(), pa.schema([*INVOICES, *PARTITIONS]))
    columns = [NUMBER, STORED, "seller_nip", "buyer_identifier", "buyer_identifier_type"]
    rows = dataset.to_table(columns=columns, filter=_of(key) & (pc.field(STORED) < _before(rule)))
    return rows.filter(meant(rule, rows))[NUMBER].combine_chunks()


def _counted(root: UPath, part: TableKey, rule: RetentionRule, numbers: pa.Array) -> int:
    delta = DeltaLog(root, part.table)
    wanted = _of(part) & (pc.field(STORED) < _before(rule))
    if rule.nip is not None:
        wanted &= pc.field(NUMBER).isin(numbers)
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
