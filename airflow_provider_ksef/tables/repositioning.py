"""Setting a watermark by hand, and letting go of a lease whose holder is dead."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from upath import UPath

from airflow_provider_ksef.tables.environment import known_environment
from airflow_provider_ksef.tables.intervals import past_moment
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.lease import LeaseRecord, break_lease
from airflow_provider_ksef.tables.moments import is_after, parse_ticks
from airflow_provider_ksef.tables.schema import SCHEMA_VERSION
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import format_of, open_tables
from airflow_provider_ksef.tables.watermark import Watermark


def set_watermark(
    root: UPath, key: TableKey, position: str | date | datetime | None, *, owner: str
) -> Watermark | None:
    """
    Move a watermark to where the next sync is to begin; nothing is deleted.

    Set back, the sync reads again and writes only what is missing. Set forward, it skips what lies between:
    months before the new position are no longer complete.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :param position: a date (its midnight in Poland) or a date-time with offset, to the microsecond; None
        removes the watermark, and the next sync needs sync_from.
    :param owner: see :class:`lease.LeaseRecord`.
    :returns: the new watermark.
    :raises KsefInputError: where the position is neither, before KSeF's first year, or in the future.
    :raises KsefTableError: where the tables cannot be read, or nothing was ever committed to them.
    :raises KsefLeaseError: where a writer holds the tables for long.
    """
    reached = None if position is None else past_moment("position", position, datetime.now(UTC))
    environment = known_environment(open_store(root))

    def move(old: Watermark | None) -> Watermark | None:
        return None if reached is None else _moved(old, reached, environment)

    return open_tables(root, format_of(root)).move_watermark(key, move, owner=owner)


def free_lease(root: UPath, key: TableKey) -> LeaseRecord | None:
    """
    Let the next writer in at once. A holder that lives is refused, and its task retried; no row is lost.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    :returns: who held it; None where nobody did.
    """
    return break_lease(open_store(root), key, time.time())


def _moved(old: Watermark | None, position: str, environment: str) -> Watermark:
    return Watermark(
        position=position,
        environment=environment,
        schema_version=SCHEMA_VERSION,
        previous_position=old.position if old else None,
        updated_at=datetime.now(UTC).isoformat(),
        began_at=_beginning(old, position),
    )


def _beginning(old: Watermark | None, position: str) -> str:
    """Tell from where on the table knows everything up to the new position."""
    if old is None or is_after(position, old.position):
        return position
    earliest = old.began_at or position
    return min(earliest, position, key=parse_ticks)
