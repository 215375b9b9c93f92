"""What the tables below a folder hold, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from upath import UPath

from airflow_provider_ksef.tables.completeness import TablePosition, table_positions
from airflow_provider_ksef.tables.file_facts import file_facts
from airflow_provider_ksef.tables.layout import ENVIRONMENT, TableKey
from airflow_provider_ksef.tables.lease import current_holder
from airflow_provider_ksef.tables.moments import format_ticks, to_ticks
from airflow_provider_ksef.tables.storage import Store, open_store
from airflow_provider_ksef.tables.table_files import table_files
from airflow_provider_ksef.tables.table_format import format_of


@dataclass(frozen=True)
class TableSummary:
    """
    One table of one context and subject type.

    :param table: its name.
    :param rows: how many.
    :param files: how many.
    :param bytes: of the files' columns, compressed.
    :param months: UTC months, in order.
    """

    table: str
    rows: int
    files: int
    bytes: int
    months: tuple[str, ...]


def overview(root: UPath, keys: Sequence[TableKey]) -> dict[str, Any]:
    """
    Describe the tables below a folder, as plain JSON.

    :param root: ``tables_path``.
    :param keys: the contexts and subject types.
    """
    store = open_store(root)
    positions = [position for position in table_positions(root) if position.key in keys]
    return {
        "tables_path": str(root),
        "table_format": format_of(root),
        "environment": _environment(store),
        "parts": [_part(root, store, position) for position in positions],
    }


def _part(root: UPath, store: Store, position: TablePosition) -> dict[str, Any]:
    key, now, months = position.key, datetime.now(UTC), position.known_months()
    lag = position.lag(now)
    return {
        "context": key.context,
        "subject_type": key.subject_type,
        "watermark": msgspec.to_builtins(position.watermark),
        "lag_seconds": None if lag is None else round(lag.total_seconds()),
        "lease": _lease(store, key, now),
        "complete_months": [month for month in months if position.missing(month) is None],
        "deleted_months": [month for month in months if position.deleted_before(month)],
        "verified": [list(span) for span in position.verified],
        "different": [list(span) for span in position.different],
        "retention": [msgspec.to_builtins(rule) for rule in position.rules],
        "tables": msgspec.to_builtins(summaries(root, key)),
    }


def summaries(root: UPath, key: TableKey) -> list[TableSummary]:
    """
    Count the rows, files and bytes of each table of one context and subject type.

    :param root: ``tables_path``.
    :param key: the context and subject type.
    """
    store = open_store(root)
    found: dict[str, TableSummary] = {}
    for month in table_files(root, key):
        facts = [file_facts(store, month.folder, name) for name in month.names]
        before = found.get(month.key.table, TableSummary(month.key.table, 0, 0, 0, ()))
        found[month.key.table] = TableSummary(
            month.key.table,
            before.rows + sum(file.rows for file in facts),
            before.files + len(facts),
            before.bytes + sum(file.size for file in facts),
            (*before.months, month.month),
        )
    return list(found.values())


def _lease(store: Store, key: TableKey, now: datetime) -> dict[str, Any] | None:
    """Tell who writes; None where nobody does."""
    holder = current_holder(store, key)
    if holder is None or holder.expires_at <= now.timestamp():
        return None
    expires = datetime.fromtimestamp(holder.expires_at, UTC)
    return {"owner": holder.owner, "expires_at": format_ticks(to_ticks(expires))}


def _environment(store: Store) -> str | None:
    content = store.read(ENVIRONMENT)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=dict[str, str]).get("environment")
    except msgspec.DecodeError:
        return None
