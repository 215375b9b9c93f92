"""What changed between two snapshots of a table, and what expires: pure, whatever the tables lie on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_ksef.tables.audit_columns import AUDIT_KEYS, SNAPSHOT_DATE, SOURCE, TAKEN_AT
from airflow_provider_ksef.tables.audit_rows import Row, key_of
from airflow_provider_ksef.tables.layout import (
    CERTIFICATES_TABLE,
    LIMITS_TABLE,
    LOGIN_SESSIONS_TABLE,
    PERMISSIONS_TABLE,
    TOKENS_TABLE,
)

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

NO_CHANGE = {
    SNAPSHOT_DATE,
    TAKEN_AT,
    "last_use_date",
    "last_token_refresh_date",
    "is_current",
}
"""Columns that tell when was asked or what is in use: they change though nobody changed anything."""

_TELLING = {
    PERMISSIONS_TABLE: (
        SOURCE,
        "permission_scope",
        "authorized_identifier_type",
        "authorized_identifier",
        "authorized_name",
        "place_identifier",
        "target_identifier",
    ),
    TOKENS_TABLE: ("reference_number", "description", "status", "requested_permissions"),
    CERTIFICATES_TABLE: ("certificate_serial_number", "name", "type", "status", "valid_to"),
    LOGIN_SESSIONS_TABLE: ("reference_number", "method_code", "start_date"),
    LIMITS_TABLE: (SOURCE, "name", "value"),
}
"""Columns by which a reader knows what a row is about."""


@dataclass(frozen=True)
class Change:
    """
    A row that is in one of two snapshots only, or not the same in both.

    :param table: the table.
    :param kind: ``added``, ``removed`` or ``changed``.
    :param before: the row in the earlier snapshot; None where it was added.
    :param after: the row in the later one; None where it was removed.
    :param columns: what differs, of a changed row.
    """

    table: str
    kind: str
    before: Row | None
    after: Row | None
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        row = self.after if self.after is not None else self.before or {}
        about = " ".join(_text(row[name]) for name in _TELLING[self.table] if row.get(name) is not None)
        before, after = self.before or {}, self.after or {}
        differs = [f"{name} {_text(before[name])} -> {_text(after[name])}" for name in self.columns]
        return f"{self.table} {self.kind}: {about}" + (f" ({'; '.join(differs)})" if differs else "")


def changes_between(table: str, before: Sequence[Row], after: Sequence[Row]) -> list[Change]:
    """
    Compare two snapshots.

    A login that took a snapshot itself is left out, and so is when something was last used.

    :param table: one of the audit tables.
    :param before: rows of the earlier snapshot, in any order.
    :param after: rows of the later one.
    :returns: the changes in the order of the rows' keys.
    """
    old, new = _compared(table, before), _compared(table, after)
    found = [_change(table, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]
    return [change for change in found if change is not None]


def expiring(certificates: Sequence[Row], *, now: datetime, days: int) -> list[Row]:
    """
    Find the active certificates that expire soon, or have expired, the first one first.

    :param certificates: rows of a snapshot.
    :param now: with an offset.
    :param days: how soon.
    """
    limit = now + timedelta(days=days)
    found = [row for row in certificates if row["status"] == "Active" and row["valid_to"] <= limit]
    return sorted(found, key=lambda row: (row["valid_to"], row["certificate_serial_number"]))


def _compared(table: str, rows: Sequence[Row]) -> Mapping[tuple[str, ...], Row]:
    return {key_of(table, row): row for row in rows if not row.get("is_current")}


def _change(table: str, before: Row | None, after: Row | None) -> Change | None:
    if before is None:
        return Change(table, ADDED, None, after)
    if after is None:
        return Change(table, REMOVED, before, None)
    columns = tuple(
        name
        for name in after
        if name not in NO_CHANGE and name not in AUDIT_KEYS[table] and before.get(name) != after[name]
    )
    return Change(table, CHANGED, before, after, columns) if columns else None


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "nothing" if value is None else str(value)
