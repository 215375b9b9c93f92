"""Rows with the two columns that a commit looks at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from airflow_provider_ksef.tables.commit import CommitResult
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows, StagedFile
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.row_order import storage_span
from airflow_provider_ksef.tables.table_format import open_tables

KEY = TableKey("nip-5250001210", "Subject2")
SCHEMA = pa.schema([("ksef_number", pa.string()), ("permanent_storage_date", pa.timestamp("us", tz="UTC"))])


def tiny_rows(**stored: str) -> pa.Table:
    """Make rows by KSeF number and storage date (UTC)."""
    moments = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in stored.values()]
    return pa.table(
        [pa.array(list(stored), pa.string()), pa.array(moments, SCHEMA.field(1).type)], schema=SCHEMA
    )


def stage(folder: Path, table: str, rows: pa.Table, name: str = "staged") -> StagedFile:
    """Write a finished file of one month's rows to the worker's own disk."""
    path = folder / f"{name}.parquet"
    pq.write_table(rows, path, row_group_size=2)
    month = f"{rows['permanent_storage_date'][0].as_py():%Y-%m}"
    return StagedFile(table, month, path, rows.num_rows, *storage_span(rows))


def put(
    root: UPath,
    start: str,
    end: str,
    rows: pa.Table,
    *,
    key: TableKey = KEY,
    environment: str = "test",
    owner: str = "dag/run/task/-1",
    moves_watermark: bool = True,
    reference: str = "EH-1",
    staged: tuple[StagedFile, ...] = (),
    table_format: str = "parquet",
) -> CommitResult:
    """Commit a window whose bounds are given as dates."""
    window = CommittedWindow(moment(start), moment(end), reference)
    return open_tables(root, table_format).commit(
        key,
        window,
        IncomingRows(rows, staged),
        environment=environment,
        owner=owner,
        moves_watermark=moves_watermark,
    )


def moment(text: str) -> str:
    return text if "T" in text else f"{text}T00:00:00.0000000+00:00"


def numbers(root: UPath) -> list[str]:
    """Read the table's KSeF numbers, sorted."""
    found: list[str] = read("invoices", root, columns=["ksef_number"]).column(0).to_pylist()
    return sorted(found)
