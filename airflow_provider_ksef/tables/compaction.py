"""
Compaction: the many small files of closed months become few large ones.

A month is closed when it has ended and the watermark has passed it; a backfill may still add to it, and the
next compaction merges that, too. The lease is held for one month at a time, so that syncs go on in between.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from upath import UPath

from airflow_provider_ksef.tables.file_facts import FileFacts, file_facts, packed
from airflow_provider_ksef.tables.layout import TableKey, key_folder, month_folder, watermark_path
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_leases
from airflow_provider_ksef.tables.live_files import live_names, month_names, settled
from airflow_provider_ksef.tables.moments import to_datetime
from airflow_provider_ksef.tables.rewriting import TARGET_BYTES, remove_replaced, rewrite_month
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.storage import Store, open_store
from airflow_provider_ksef.tables.watermark import parse_watermark

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompactedMonth:
    """
    One table's month whose files were merged, or would be.

    :param table: such as ``invoices``.
    :param month: such as ``2026-03``, UTC.
    :param files_before: how many files it had.
    :param files_after: how many it has.
    :param rows: rows in the merged files.
    """

    table: str
    month: str
    files_before: int
    files_after: int
    rows: int


def compact_parts(
    root: UPath,
    key: TableKey,
    *,
    owner: str,
    keep_open_months: int = 0,
    dry_run: bool = False,
) -> tuple[CompactedMonth, ...]:
    """
    Merge the files of the closed months of one context and subject type.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param owner: see :class:`lease.LeaseRecord`.
    :param keep_open_months: how many of the newest closed months to leave alone.
    :param dry_run: only say what would be merged.
    :raises KsefLeaseError: where another writer holds the tables for long, or took them over.
    :raises KsefTableError: where a file is damaged.
    """
    store = open_store(root)
    now = datetime.now(UTC)
    chosen = [replace(key, table=table) for table in TABLES]
    months = closed_months(store, chosen, now, keep_open_months)
    if dry_run:
        return tuple(done for month in months for done in _planned(store, chosen, month))
    return run_steps(compact_steps(store, chosen, months, owner=owner))


def closed_months(store: Store, parts: Sequence[TableKey], now: datetime, keep_open: int = 0) -> list[str]:
    """
    List the months that are over, for the watermark, too, where there is one.

    :param parts: the tables of one context and subject type.
    :param now: with an offset.
    :param keep_open: how many of the newest to leave out.
    """
    path = watermark_path(parts[0])
    watermark = parse_watermark(store.read(path), path)
    reached = now.astimezone(UTC) if watermark is None else min(now, to_datetime(watermark.position))
    there = {
        name.removeprefix("month=")
        for part in parts
        for name in store.names(key_folder(part))
        if name.startswith("month=")
    }
    closed = sorted(month for month in there if month < f"{reached:%Y-%m}")
    return closed[: max(0, len(closed) - keep_open)]


def compact_steps(
    store: Store,
    parts: Sequence[TableKey],
    months: Sequence[str],
    *,
    owner: str,
    clock: Clock = time.time,
) -> Generator[Step, None, tuple[CompactedMonth, ...]]:
    """Do what :func:`compact_parts` does, step by step."""

    def compact(month: str, lease: Lease) -> Generator[Step, None, list[CompactedMonth]]:
        done = []
        for part in parts:
            done.extend((yield from _compact_month(store, lease, part, month)))
        return done

    works = (
        partial(compact, month) for month in months if any(_has_work(store, part, month) for part in parts)
    )
    done = yield from under_leases(store, parts[0], owner, clock, works)
    return tuple(chain.from_iterable(done))


def _compact_month(
    store: Store, lease: Lease, part: TableKey, month: str
) -> Generator[Step, None, list[CompactedMonth]]:
    folder = month_folder(part, month)
    yield from remove_replaced(store, folder)
    files = _files(store, folder)
    groups = merge_groups(files)
    if not groups:
        return []
    started = time.monotonic()
    rows = yield from rewrite_month(store, lease, part, month, groups)
    done = outcome(part, month, files, groups)
    log.info(
        "%s %s %s, %s: %d files became %d, %d rows merged, %.1f s.",
        part.context, part.subject_type, part.table, month, done.files_before, done.files_after, rows,
        time.monotonic() - started,
    )  # fmt: skip
    return [done]


def _has_work(store: Store, part: TableKey, month: str) -> bool:
    folder = month_folder(part, month)
    names, replaced = month_names(store, folder)
    return bool(replaced.intersection(names)) or bool(merge_groups(_files(store, folder)))


def _planned(store: Store, parts: Sequence[TableKey], month: str) -> list[CompactedMonth]:
    outcomes = []
    for part in parts:
        files = _files(store, month_folder(part, month))
        if groups := merge_groups(files):
            outcomes.append(outcome(part, month, files, groups))
    return outcomes


def outcome(
    part: TableKey, month: str, files: Sequence[FileFacts], groups: Sequence[Sequence[FileFacts]]
) -> CompactedMonth:
    """
    Tell what becomes of a month.

    :param part: the table.
    :param files: those that it has.
    :param groups: those of them that become one file each.
    """
    merged = [file for group in groups for file in group]
    return CompactedMonth(
        table=part.table,
        month=month,
        files_before=len(files),
        files_after=len(files) - len(merged) + len(groups),
        rows=sum(file.rows for file in merged),
    )


def _files(store: Store, folder: str) -> list[FileFacts]:
    """Give a month's files with rows; an empty one forbids a late publication, and stays."""

    def read() -> list[FileFacts]:
        names = live_names(store, folder)
        return [file_facts(store, folder, name) for name in names] if len(names) > 1 else []

    return [file for file in settled(read) if file.rows]


def merge_groups(files: Sequence[FileFacts]) -> list[list[FileFacts]]:
    """
    Say which files become one.

    :param files: those of a month.
    """
    return [group for group in packed(files, TARGET_BYTES) if len(group) > 1]
