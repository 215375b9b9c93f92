"""A watermark is moved without rows, under the lease: that of Parquet tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from upath import UPath

from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.lease import Clock, Lease, Step
from airflow_provider_ksef.tables.leased import under_lease
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.watermark import Watermark, parse_watermark

Move = Callable[[Watermark | None], Watermark | None]
"""Makes of a watermark that was read the one that is to be; None stands for none."""


def move_steps(
    root: UPath, key: TableKey, move: Move, *, owner: str, clock: Clock = time.time
) -> Generator[Step, None, Watermark | None]:
    """
    Move a watermark, step by step; see :meth:`table_format.TableFormat.move_watermark`.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param move: makes the new watermark of the old one.
    :param owner: see :class:`lease.LeaseRecord`.
    :param clock: seconds since 1970.
    """
    store, path = open_store(root), watermark_path(key)

    def work(lease: Lease) -> Generator[Step, None, Watermark | None]:
        seen = store.read(path)
        moved = move(parse_watermark(seen, path))
        yield "watermark: read"
        if moved is None:
            lease.check()
            store.remove(path)
            yield "watermark: removed"
            return None
        lease.announce((path,))
        store.stage(path, lease.token, moved.to_bytes())
        lease.check()
        store.exchange(path, lease.token, moved.to_bytes(), seen)
        yield "watermark: set"
        return moved

    return (yield from under_lease(store, key, owner, clock, work))
