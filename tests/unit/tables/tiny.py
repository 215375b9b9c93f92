"""Rows with the two columns that a commit looks at."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from upath import UPath

from airflow_provider_ksef.tables.commit import CommitResult, CommittedWindow, commit_window
from airflow_provider_ksef.tables.incoming import IncomingRows
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.reading import read

KEY = TableKey("nip-5250001210", "Subject2")
SCHEMA = pa.schema([("ksef_number", pa.string()), ("permanent_storage_date", pa.timestamp("us", tz="UTC"))])


def tiny_rows(**stored: str) -> pa.Table:
    """Make rows by KSeF number and storage date (UTC)."""
    moments = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in stored.values()]
    return pa.table(
        [pa.array(list(stored), pa.string()), pa.array(moments, SCHEMA.field(1).type)], schema=SCHEMA
    )


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
) -> CommitResult:
    """Commit a window whose bounds are given as dates."""
    window = CommittedWindow(moment(start), moment(end), reference)
    return commit_window(
        root,
        key,
        window,
        IncomingRows(rows),
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
