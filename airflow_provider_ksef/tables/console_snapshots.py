"""The command that shows snapshots for auditors, and deletes old ones."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from datetime import date

from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.audit_snapshots import (
    delete_snapshots,
    snapshot_contexts,
    snapshot_dates,
)
from airflow_provider_ksef.tables.layout import AUDIT_TABLES

Days = Mapping[tuple[str, str], list[date]]
"""Days of snapshots by context and table."""


def found_snapshots(options: Namespace, root: UPath) -> Days:
    """
    Find the snapshots that a command means: all of its contexts, or those before its day.

    :param options: of the command line.
    :param root: ``tables_path``.
    :raises KsefInputError: where there is none, or the day is no date.
    """
    found = {
        (context, table): snapshot_dates(root, context, table)
        for table in AUDIT_TABLES
        for context in snapshot_contexts(root, table)
        if not options.context or context in options.context
    }
    if not found:
        raise KsefInputError(
            "tables_path", str(root), "holds no such snapshots", "Check the path and --context."
        )
    if options.before is None:
        return found
    before = _day(options.before)
    return {key: [day for day in days if day < before] for key, days in found.items()}


def delete_found(root: UPath, found: Days) -> None:
    """Delete snapshots that were found."""
    for (context, table), days in found.items():
        delete_snapshots(root, context, table, days)


def of_snapshots(found: Days) -> str:
    """Lay out snapshots: how many of each table, from when until when."""
    lines = [
        f"{context} {table:<15} {len(days):>5} of {days[0]} to {days[-1]}"
        for (context, table), days in sorted(found.items())
        if days
    ]
    return "\n".join(lines) or "None."


def as_json(found: Days) -> list[dict[str, object]]:
    """Give the same as plain JSON."""
    return [
        {"context": context, "table": table, "snapshot_dates": [day.isoformat() for day in days]}
        for (context, table), days in sorted(found.items())
    ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise KsefInputError("before", text, "is no date", "Give a day such as 2021-01-01.") from error
