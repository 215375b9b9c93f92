"""
Snapshots of the audit tables: one file for each table, context and day, written whole or not at all.

A later snapshot of the same day takes the earlier one's place, so a task may be run again and no row is there
twice. The file is there though nothing is in it: that there were no tokens is worth knowing, too.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.audit_columns import AUDIT_SCHEMAS, SNAPSHOT_DATE
from airflow_provider_ksef.tables.audit_members import Row
from airflow_provider_ksef.tables.audit_rows import Told, by_key, snapshot_rows
from airflow_provider_ksef.tables.environment import claim_submissions
from airflow_provider_ksef.tables.moments import POLAND
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.storage import open_store

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.parquet", re.ASCII)
_TAKEN_AT = b"ksef.taken_at"
_TRIES = 20
_PAUSE_SECONDS = 0.1


def keep_snapshot(
    tables_path: UPath, context: str, table: str, told: Told, *, taken_at: datetime, environment: str
) -> int:
    """
    Write a snapshot, unless a later one of the day is there.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param table: one of the audit tables.
    :param told: what KSeF told for it, as JSON objects by the list that they are of.
    :param taken_at: when KSeF was asked, with an offset.
    :param environment: KSeF's, which all tables of a folder come from.
    :returns: how many rows it has.
    :raises KsefTableError: where the tables are of another environment.
    :raises KsefLeaseError: where other tasks keep writing the same day.
    """
    store = open_store(tables_path)
    claim_submissions(store, environment)
    rows = snapshot_rows(table, told, taken_at)
    path = _path(context, table, taken_at.astimezone(POLAND).date())
    content = _to_parquet(table, rows, taken_at)
    for _ in range(_TRIES):
        seen = store.read(path)
        if (seen is not None and _taken_at(seen, path) > taken_at) or store.swap(path, content, seen):
            return len(rows)
        time.sleep(_PAUSE_SECONDS)
    raise KsefLeaseError(f"Others keep writing {path}.", "The task may simply be retried.")


def snapshot_dates(tables_path: UPath, context: str, table: str) -> list[date]:
    """
    List the days of a table's snapshots, the oldest first.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param table: one of the audit tables.
    """
    store, folder = open_store(tables_path), _folder(context, table)
    months = [name for name in store.names(folder) if name.startswith("month=")]
    names = [match for month in months for match in map(_NAME.fullmatch, store.names(f"{folder}/{month}"))]
    return sorted(date.fromisoformat(match[1]) for match in names if match)


def read_snapshot(tables_path: UPath, context: str, table: str, day: date) -> list[Row]:
    """
    Read the rows of a snapshot, in the order of their keys.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param table: one of the audit tables.
    :param day: one of :func:`snapshot_dates`.
    """
    of_day: list[tuple[str, str, Any]] = [
        ("context", "=", context),
        ("month", "=", f"{day:%Y-%m}"),
        (SNAPSHOT_DATE, "=", day),
    ]
    found = read(table, tables_path, columns=AUDIT_SCHEMAS[table].names, filters=of_day)
    return by_key(table, found.to_pylist())


def snapshot_contexts(tables_path: UPath, table: str) -> list[str]:
    """
    List the contexts that a table has snapshots of.

    :param tables_path: the folder of tables.
    :param table: one of the audit tables.
    """
    names = open_store(tables_path).names(table)
    return [name.removeprefix("context=") for name in names if name.startswith("context=")]


def delete_snapshots(tables_path: UPath, context: str, table: str, days: Sequence[date]) -> None:
    """
    Delete snapshots for good; nothing refers to them.

    :param tables_path: the folder of tables.
    :param context: see :func:`layout.context_name`.
    :param table: one of the audit tables.
    :param days: of the snapshots.
    """
    store = open_store(tables_path)
    for day in days:
        store.remove(_path(context, table, day))


def _folder(context: str, table: str) -> str:
    return f"{table}/context={context}"


def _path(context: str, table: str, day: date) -> str:
    return f"{_folder(context, table)}/month={day:%Y-%m}/{day}.parquet"


def _to_parquet(table: str, rows: Sequence[Row], taken_at: datetime) -> bytes:
    schema = AUDIT_SCHEMAS[table].with_metadata({_TAKEN_AT: taken_at.isoformat().encode()})
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _taken_at(content: bytes, path: str) -> datetime:
    try:
        metadata = pq.read_schema(io.BytesIO(content)).metadata or {}
        return datetime.fromisoformat(metadata[_TAKEN_AT].decode())
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise KsefTableError(
            f"The table file {path} is damaged, or none of this package's: {error}.",
            "Move it away or restore it; this package never leaves a file half-written.",
        ) from error
