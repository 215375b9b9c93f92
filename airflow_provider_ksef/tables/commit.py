"""
The commit: rows of one export enter their tables once, whatever dies or wakes up late; the watermark follows.

1. Take the lease, one for all tables, and forbid what earlier, possibly living, holders have announced.
2. Read each table's KSeF numbers back over the window's whole span; drop the rows that are there.
3. Announce the new files, prepare them, and check lease and watermark.
4. Publish files that are never overwritten: those of the companion tables, then those of ``invoices``, so
   that an invoice that is seen is seen with its documents. Then move the watermark, only forward.

A later holder reads back after it has forbidden. So a publication either came before that and is seen, or it
is refused; no clock decides. The whole is a generator that yields after every step that others may see, which
lets the tests interleave writers and drop them at any step.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from upath import UPath

from airflow_provider_ksef.exceptions import KsefWatermarkError
from airflow_provider_ksef.tables.companions import check_staged, companion_files
from airflow_provider_ksef.tables.environment import claim_environment, refuse_other_environment
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.moments import is_after, stands_at
from airflow_provider_ksef.tables.month_files import (
    MonthFile,
    month_files,
)
from airflow_provider_ksef.tables.readback import numbers_there, without_those_there
from airflow_provider_ksef.tables.retention import kept_and_gone
from airflow_provider_ksef.tables.schema import SCHEMA_VERSION
from airflow_provider_ksef.tables.storage import Store, open_store
from airflow_provider_ksef.tables.watermark import Watermark, parse_watermark


@dataclass(frozen=True)
class CommitResult:
    """
    What a commit did.

    :param rows_written: new rows of ``invoices``.
    :param rows_already_there: rows of ``invoices`` that were in the table, twice in the package, or that
        retention keeps out.
    :param files: paths of the new files of all tables, below ``tables_path``.
    :param rows_by_table: new rows of each companion table that files were staged for.
    """

    rows_written: int
    rows_already_there: int
    files: tuple[str, ...]
    rows_by_table: Mapping[str, int]


def commit_window(
    root: UPath,
    key: TableKey,
    window: CommittedWindow,
    rows: IncomingRows,
    *,
    environment: str,
    owner: str,
    moves_watermark: bool,
) -> CommitResult:
    """
    Put the rows of one export into their tables.

    :param root: ``tables_path``.
    :param key: the part of the table.
    :param window: what the export stands for.
    :param rows: the package's rows; none is fine, a window without invoices moves the watermark too. Staged
        files are published before the invoices; their own rows are read back like the invoices'.
    :param environment: name of the KSeF environment; another one's tables are refused.
    :param owner: ``<dag>/<run>/<task>/<map_index>``; its next try does not wait for its own lease.
    :param moves_watermark: True for sync, which goes on from the watermark; False for a backfill.
    :raises KsefWatermarkError: where the watermark is not the window's start; begin the window anew.
    :raises KsefLeaseError: where another writer holds the table for long, or took it over.
    :raises KsefTableError: where the table cannot be written, or belongs to another environment.
    """
    steps = commit_steps(
        open_store(root),
        key,
        window,
        rows,
        environment=environment,
        owner=owner,
        moves_watermark=moves_watermark,
    )
    return run_steps(steps)


def commit_steps(
    store: Store,
    key: TableKey,
    window: CommittedWindow,
    rows: IncomingRows,
    *,
    environment: str,
    owner: str,
    moves_watermark: bool,
    clock: Clock = time.time,
) -> Generator[Step, None, CommitResult]:
    """Do what :func:`commit_window` does, step by step."""
    staged = check_staged(rows)
    _, watermark = _position(store, key)
    if watermark is not None:
        refuse_other_environment(watermark.environment, environment)
    claim_environment(store, environment)
    yield "environment: checked"

    def work(lease: Lease) -> Generator[Step, None, CommitResult]:
        if moves_watermark:
            check_start(_position(store, key)[1], window)
        wanted, gone = kept_and_gone(store, key, rows.invoices)
        find = partial(numbers_there, store, keep_lease=lease.keep)
        beside = yield from companion_files(find, key, window, staged, lease, gone=gone)
        new = yield from without_those_there(find, key, window, wanted)
        files = (*beside.files, *month_files(new, key, window, lease.token))
        if files or moves_watermark:
            yield from _publish(
                store, key, window, files, lease, environment=environment, moves_watermark=moves_watermark
            )
        return CommitResult(
            rows_written=new.num_rows,
            rows_already_there=rows.invoices.num_rows - new.num_rows,
            files=tuple(file.path for file in files),
            rows_by_table=beside.rows,
        )

    return (yield from under_lease(store, key, owner, clock, work))


def _publish(
    store: Store,
    key: TableKey,
    window: CommittedWindow,
    files: Sequence[MonthFile],
    lease: Lease,
    *,
    environment: str,
    moves_watermark: bool,
) -> Generator[Step, None, None]:
    position_path = watermark_path(key)
    lease.announce((*(file.path for file in files), position_path))
    yield "publish: announced"
    for file in files:
        store.stage(file.path, lease.token, file.content)
        lease.keep()
        yield "publish: prepared a file"
    seen, watermark = _position(store, key)
    if moves_watermark:
        check_start(watermark, window)
    moved = moved_watermark(watermark, window, environment).to_bytes()
    advances = moves_watermark and (watermark is None or is_after(window.end, watermark.position))
    if advances:
        store.stage(position_path, lease.token, moved)
    yield "publish: read the watermark"
    lease.check()
    yield "publish: checked the lease"
    for file in files:
        store.publish(file.path, lease.token, file.content)
        lease.keep()
        yield "publish: published a file"
    if advances:
        store.exchange(position_path, lease.token, moved, seen)
        yield "publish: moved the watermark"


def _position(store: Store, key: TableKey) -> tuple[bytes | None, Watermark | None]:
    path = watermark_path(key)
    seen = store.read(path)
    return seen, parse_watermark(seen, path)


def check_start(watermark: Watermark | None, window: CommittedWindow) -> None:
    if watermark is not None and not stands_at(watermark.position, window.start):
        raise KsefWatermarkError(
            f"The table has gone on to {watermark.position}, this export begins at {window.start}.",
            "Another run was faster; begin the window anew.",
        )


def moved_watermark(watermark: Watermark | None, window: CommittedWindow, environment: str) -> Watermark:
    return Watermark(
        position=window.end,
        environment=environment,
        schema_version=SCHEMA_VERSION,
        previous_position=watermark.position if watermark else None,
        export_reference=window.export_reference,
        updated_at=datetime.now(UTC).isoformat(),
        began_at=watermark.began_at if watermark else window.start,
    )
