"""Setting a watermark by hand, and letting go of a lease whose holder is dead."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.environment import known_environment
from airflow_provider_ksef.tables.layout import TableKey, watermark_path
from airflow_provider_ksef.tables.lease import Lease, LeaseRecord, Step, break_lease
from airflow_provider_ksef.tables.leased import run_steps, under_lease
from airflow_provider_ksef.tables.moments import is_after, parse_ticks, to_ticks
from airflow_provider_ksef.tables.schema import SCHEMA_VERSION
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import format_of
from airflow_provider_ksef.tables.watermark import Watermark, parse_watermark


def set_watermark(root: UPath, key: TableKey, position: str | None, *, owner: str) -> Watermark | None:
    """
    Move a watermark to where the next sync is to begin; nothing is deleted.

    Set back, the sync reads again and writes only what is missing. Set forward, it skips what lies between:
    months before the new position are no longer complete.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param position: KSeF's own date string; None removes the watermark, and the next sync needs sync_from.
    :param owner: see :class:`lease.LeaseRecord`.
    :returns: the new watermark.
    :raises KsefInputError: where the position is in the future, or the tables are none of Parquet files.
    :raises KsefTableError: where it is no moment of KSeF.
    :raises KsefLeaseError: where a writer holds the tables for long.
    """
    if format_of(root) != "parquet":
        raise KsefInputError(
            "tables_path",
            str(root),
            "holds Delta tables, whose watermark only moves with a commit",
            "Read again by a backfill, or sync into another folder.",
        )
    if position is not None and parse_ticks(position) > to_ticks(datetime.now(UTC)):
        raise KsefInputError("position", position, "is in the future", "Give one that KSeF has passed.")
    store, path = open_store(root), watermark_path(key)

    def work(lease: Lease) -> Generator[Step, None, Watermark | None]:
        seen = store.read(path)
        if position is None:
            store.remove(path)
            yield "watermark: removed"
            return None
        old = parse_watermark(seen, path)
        moved = Watermark(
            position=position,
            environment=old.environment if old else known_environment(store),
            schema_version=SCHEMA_VERSION,
            previous_position=old.position if old else None,
            updated_at=datetime.now(UTC).isoformat(),
            began_at=_beginning(old, position),
        )
        lease.announce((path,))
        store.stage(path, lease.token, moved.to_bytes())
        lease.check()
        store.exchange(path, lease.token, moved.to_bytes(), seen)
        yield "watermark: set"
        return moved

    return run_steps(under_lease(store, key, owner, time.time, work))


def free_lease(root: UPath, key: TableKey) -> LeaseRecord | None:
    """
    Let the next writer in at once. A holder that lives takes the lease again, or is refused; no row is lost.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :returns: who held it; None where nobody did.
    """
    return break_lease(open_store(root), key, time.time())


def _beginning(old: Watermark | None, position: str) -> str:
    """Tell from where on the table knows everything up to the new position."""
    if old is None or is_after(position, old.position):
        return position
    earliest = old.began_at or position
    return min(earliest, position, key=parse_ticks)
