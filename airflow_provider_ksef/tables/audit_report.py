"""What an auditor wants to know of the last snapshots: what changed, and what expires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.audit_changes import Change, changes_between, expiring
from airflow_provider_ksef.tables.audit_rows import Row
from airflow_provider_ksef.tables.audit_snapshots import read_snapshot, snapshot_dates
from airflow_provider_ksef.tables.layout import AUDIT_TABLES, CERTIFICATES_TABLE


@dataclass(frozen=True)
class AuditReport:
    """
    The last snapshots of a context against those before them.

    :param context: such as ``nip-5250001210``.
    :param days: by table, the day of the snapshot before and that of the last one; None before the first one.
    :param changes: what changed between them; nothing of a table that has one snapshot only.
    :param expiring: rows of active certificates that expire soon, the first one first.
    """

    context: str
    days: Mapping[str, tuple[date | None, date]]
    changes: tuple[Change, ...]
    expiring: tuple[Row, ...]

    def lines(self) -> list[str]:
        """Tell it in sentences. They name people by their numbers, as the tables do."""
        return [
            *(_compared(table, *days) for table, days in self.days.items()),
            *map(str, self.changes),
            *map(_expires, self.expiring),
        ]


def audit_report(
    tables_path: str | UPath, context: str, *, expiring_days: int = 60, now: datetime | None = None
) -> AuditReport:
    """
    Compare the last snapshot of each audit table with the one before it.

    :param tables_path: the folder of tables.
    :param context: such as ``nip-5250001210``.
    :param expiring_days: certificates that are valid no longer than so many days are told.
    :param now: with an offset; now where it is not given.
    :raises KsefInputError: where there is no snapshot of the context.
    """
    root = tables_path if isinstance(tables_path, UPath) else UPath(tables_path)
    days = {table: found for table in AUDIT_TABLES if (found := snapshot_dates(root, context, table))}
    if not days:
        raise KsefInputError(
            "context",
            context,
            "has no snapshot in these tables",
            "Let KsefAuditToParquetOperator take one, or check tables_path and context.",
        )
    last = {table: read_snapshot(root, context, table, found[-1]) for table, found in days.items()}
    changes = [
        change
        for table, found in days.items()
        if len(found) > 1
        for change in changes_between(table, read_snapshot(root, context, table, found[-2]), last[table])
    ]
    ending = expiring(last.get(CERTIFICATES_TABLE, []), now=now or datetime.now(UTC), days=expiring_days)
    compared = {table: (found[-2] if len(found) > 1 else None, found[-1]) for table, found in days.items()}
    return AuditReport(context, compared, tuple(changes), tuple(ending))


def _compared(table: str, before: date | None, last: date) -> str:
    return f"{table}: {last}, " + (f"compared with {before}" if before else "the first snapshot")


def _expires(row: Row) -> str:
    told = f"{row['certificate_serial_number']} {row['name']} ({row['type']})"
    return f"{CERTIFICATES_TABLE} expires {row['valid_to']:%Y-%m-%d}: {told}"
