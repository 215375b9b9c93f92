"""What an auditor wants to know of the last snapshots: what changed, and what expires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from os import PathLike

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.audit_changes import Change, changes_between, expiring
from airflow_provider_ksef.tables.audit_members import Row
from airflow_provider_ksef.tables.audit_sentences import moment
from airflow_provider_ksef.tables.audit_snapshots import read_snapshot, snapshot_contexts, snapshot_dates
from airflow_provider_ksef.tables.layout import AUDIT_TABLES, CERTIFICATES_TABLE, LOGIN_SESSIONS_TABLE

_MOST_DAYS = 36_500


@dataclass(frozen=True)
class AuditReport:
    """
    The last snapshots of a context against those before them.

    :param context: such as ``nip-5250001210``.
    :param days: by table, the day of the snapshot before and that of the last one; None before the first one.
    :param changes: what changed between them; nothing of a table that has one snapshot only.
    :param expiring: rows of active certificates that expire soon, the first one first.
    :param expiring_days: what counts as soon.
    :param made_at: at which moment.
    """

    context: str
    days: Mapping[str, tuple[date | None, date]]
    changes: tuple[Change, ...]
    expiring: tuple[Row, ...]
    expiring_days: float
    made_at: datetime

    def lines(self) -> list[str]:
        """Tell it in sentences, with times in Poland. They name people by their numbers, as the tables do."""
        compared = (self._compared(table, *days) for table, days in self.days.items())
        return [*compared, *map(str, self.changes), *self._expiring()]

    def _compared(self, table: str, before: date | None, last: date) -> str:
        if before is None:
            return f"{table}: {last}, the first snapshot"
        count = sum(change.table == table for change in self.changes)
        none = "no login by a new method" if table == LOGIN_SESSIONS_TABLE else "nothing changed"
        changes = {0: none, 1: "1 change"}.get(count, f"{count} changes")
        return f"{table}: {last}, compared with {before}: {changes}"

    def _expiring(self) -> Iterator[str]:
        if CERTIFICATES_TABLE in self.days and not self.expiring:
            yield f"{CERTIFICATES_TABLE}: none expires within {self.expiring_days:g} days"
        for row in self.expiring:
            verb = "expires" if row["valid_to"] > self.made_at else "has expired"
            told = f"{row['certificate_serial_number']} {row['name']} ({row['type']})"
            yield f"{CERTIFICATES_TABLE}: {told} {verb}, {moment(row['valid_to'])}"


def audit_report(
    tables_path: str | PathLike[str],
    context: str,
    *,
    expiring_days: float = 60,
    now: datetime | None = None,
) -> AuditReport:
    """
    Compare the last snapshot of each audit table with the one before it.

    :param tables_path: the folder of tables: a local path, a URL such as ``s3://bucket/ksef``, or a UPath.
    :param context: such as ``nip-5250001210``.
    :param expiring_days: certificates that are valid no longer than so many days are told.
    :param now: with an offset; now where it is not given.
    :raises KsefInputError: where there is no snapshot of the context, or a parameter is not what it must be.
    """
    root = _root(tables_path)
    _check(expiring_days, now)
    days = {table: found for table in AUDIT_TABLES if (found := snapshot_dates(root, context, table))}
    if not days:
        raise KsefInputError("context", context, "has no snapshot in these tables", _remedy(root))
    last = {table: read_snapshot(root, context, table, found[-1]) for table, found in days.items()}
    changes = [
        change
        for table, found in days.items()
        if len(found) > 1
        for change in changes_between(table, read_snapshot(root, context, table, found[-2]), last[table])
    ]
    made_at = now or datetime.now(UTC)
    ending = expiring(last.get(CERTIFICATES_TABLE, []), now=made_at, days=expiring_days)
    compared = {table: (found[-2] if len(found) > 1 else None, found[-1]) for table, found in days.items()}
    return AuditReport(context, compared, tuple(changes), tuple(ending), expiring_days, made_at)


def _root(tables_path: object) -> UPath:
    if not isinstance(tables_path, (str, PathLike, UPath)) or not str(tables_path):
        raise KsefInputError(
            "tables_path", tables_path, "is no path", "Give a local path, or a URL such as s3://bucket/ksef."
        )
    return tables_path if isinstance(tables_path, UPath) else UPath(tables_path)


def _check(expiring_days: object, now: object) -> None:
    if not isinstance(expiring_days, (int, float)) or not 0 <= expiring_days <= _MOST_DAYS:
        raise KsefInputError(
            "expiring_days", expiring_days, "is no number of days", f"Give one from 0 to {_MOST_DAYS}."
        )
    if now is not None and (not isinstance(now, datetime) or now.utcoffset() is None):
        raise KsefInputError(
            "now", now, "is no moment with an offset", "Give one such as datetime.now(UTC), or none."
        )


def _remedy(root: UPath) -> str:
    known = sorted({context for table in AUDIT_TABLES for context in snapshot_contexts(root, table)})
    there = f"There are snapshots of {', '.join(known)}." if known else "There are none at all."
    return f"{there} Let KsefAuditToParquetOperator take one, or check tables_path and context."
