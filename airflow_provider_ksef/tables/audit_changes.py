"""What changed between two snapshots of a table, and what expires: pure, whatever the tables lie on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_ksef.tables.audit_columns import AUDIT_KEYS, SNAPSHOT_DATE, TAKEN_AT
from airflow_provider_ksef.tables.audit_members import Row
from airflow_provider_ksef.tables.audit_rows import key_of
from airflow_provider_ksef.tables.audit_sentences import about, difference, standing
from airflow_provider_ksef.tables.layout import LOGIN_SESSIONS_TABLE

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

NO_CHANGE = {SNAPSHOT_DATE, TAKEN_AT, "last_use_date"}
"""Columns that tell when KSeF was asked or something used: they change though nobody changed anything."""


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
        row = self.after or self.before or {}
        told = f"{self.table} {self.kind}: {about(self.table, row)}"
        if self.before is None or self.after is None:
            return told + standing(row)
        differences = (difference(name, self.before, self.after) for name in self.columns)
        return f"{told}: {'; '.join(differences)}"


def changes_between(table: str, before: Sequence[Row], after: Sequence[Row]) -> list[Change]:
    """
    Compare two snapshots.

    When something was last used is no change. Logins come and go all day: only the first one by a method by
    which nobody was logged in before is told, as added, and never the one that took the snapshot itself.

    :param table: one of the audit tables.
    :param before: rows of the earlier snapshot, in any order.
    :param after: rows of the later one.
    :returns: the changes in the order of the rows' keys.
    """
    if table == LOGIN_SESSIONS_TABLE:
        return [Change(table, ADDED, None, login) for login in _logins_by_new_methods(before, after)]
    old, new = _by_key(table, before), _by_key(table, after)
    found = [_change(table, old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]
    return [change for change in found if change is not None]


def expiring(certificates: Sequence[Row], *, now: datetime, days: float) -> list[Row]:
    """
    Find the active certificates that expire soon, or have expired, the first one first.

    :param certificates: rows of a snapshot.
    :param now: with an offset.
    :param days: how soon.
    """
    limit = now + timedelta(days=days)
    found = [row for row in certificates if row["status"] == "Active" and row["valid_to"] <= limit]
    return sorted(found, key=lambda row: (row["valid_to"], row["certificate_serial_number"]))


def _by_key(table: str, rows: Sequence[Row]) -> Mapping[tuple[str, ...], Row]:
    return {key_of(table, row): row for row in rows}


def _logins_by_new_methods(before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    known = {row["method_code"] for row in before}
    first: dict[str, Row] = {}
    for login in sorted(after, key=lambda row: (row["start_date"], row["reference_number"])):
        if login["method_code"] not in known and not login["is_current"]:
            first.setdefault(login["method_code"], login)
    return list(first.values())


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
