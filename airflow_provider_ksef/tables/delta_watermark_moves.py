"""A watermark is moved without rows, under the lease: that of Delta tables, by a commit without files."""

from __future__ import annotations

import random
import time
from collections.abc import Generator

from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.delta_commit import LONGEST_PAUSE_SECONDS, TRIES
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_watermark import notes_of, positions_of, watermark_in
from airflow_provider_ksef.tables.environment import known_environment
from airflow_provider_ksef.tables.layout import INVOICES_TABLE, TableKey
from airflow_provider_ksef.tables.lease import Clock, Lease, Pause, Step
from airflow_provider_ksef.tables.leased import under_lease
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.watermark import Watermark
from airflow_provider_ksef.tables.watermark_moves import Move


def move_delta_steps(
    root: UPath, key: TableKey, move: Move, *, owner: str, clock: Clock = time.time
) -> Generator[Step, None, Watermark | None]:
    """
    Move a watermark, step by step; see :func:`watermark_moves.move_steps`.

    The library takes a lower version of an application transaction, too, so what lets only one of two moves
    through is that the log has not grown since the watermark was read.
    """
    store = open_store(root)

    def work(lease: Lease) -> Generator[Step, None, Watermark | None]:
        log = DeltaLog(root, INVOICES_TABLE)
        for number in range(TRIES):
            snapshot = log.opened()
            old = watermark_in(snapshot, key, known_environment(store))
            moved = move(old)
            yield "delta: read the snapshot"
            if moved is None and old is None:
                return None
            lease.check()
            if log.commit(snapshot, key, [], positions_of(key, moved), notes_of(key, moved)):
                yield "watermark: set"
                return moved
            yield Pause(random.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.05 * 2**number)))  # noqa: S311
        raise KsefLeaseError(
            f"Other writers have committed to {log.address} {TRIES} times while we tried.", "Run it again."
        )

    return (yield from under_lease(store, key, owner, clock, work))
