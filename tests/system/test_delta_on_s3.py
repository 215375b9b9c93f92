"""Delta tables on S3, by an Airflow connection: writers that meet, and what an upkeep leaves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_ksef.tables import lease
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.table_format import open_tables
from tests.s3_server import S3Server
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

SECRET = "secret-access-key-of-the-delta-lake"
OTHER = TableKey("nip-1111111111", "Subject1")
ALWAYS = (0, 10**16)
DAYS = [f"2026-01-{day:02d}" for day in range(1, 5)]


@pytest.fixture
def root(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStoragePath:
    connection = {"conn_type": "aws", "login": "testing", "password": SECRET}
    connection["extra"] = json.dumps({"endpoint_url": s3.url, "region_name": "eu-central-1"})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DELTA", json.dumps(connection))
    s3.order()
    return ObjectStoragePath(f"s3://{s3.bucket().path}", conn_id="aws_delta")


def day_rows(day: str) -> pa.Table:
    rows = tiny_rows(**{f"n{day}": f"{day}T12:00:00"})
    return rows.append_column("seller_nip", pa.array(["1" * 10 if day < DAYS[2] else "2" * 10]))


def sync(root: ObjectStoragePath, key: TableKey) -> None:
    for start, end in zip(DAYS, [*DAYS[1:], "2026-02-10"], strict=True):
        put(root, start, end, day_rows(start), key=key, owner="sync", table_format="delta")


def backfill(root: ObjectStoragePath, key: TableKey) -> None:
    for day in reversed(DAYS):
        put(
            root, "2026-01-01", "2026-02-01", day_rows(day),
            key=key, owner="backfill", moves_watermark=False, table_format="delta",
        )  # fmt: skip


@pytest.mark.crash
def test_writers_that_meet_and_upkeep(
    root: ObjectStoragePath, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.05)
    with ThreadPoolExecutor() as threads:
        writers = [
            threads.submit(sync, root, KEY),
            threads.submit(backfill, root, KEY),  # meets the sync at the lease
            threads.submit(sync, root, OTHER),  # meets both at the log
        ]
        for writer in writers:
            writer.result()
    all_numbers = [f"n{day}" for day in DAYS]
    tables = open_tables(root, "delta")
    for key in (KEY, OTHER):
        assert sorted(tables.rows(key, ALWAYS, ["ksef_number"])["ksef_number"].to_pylist()) == all_numbers
        watermark = tables.watermark(key)
        assert watermark is not None
        assert watermark.position == moment("2026-02-10")
    [merged] = tables.compact(KEY, owner="compaction")
    assert (merged.files_after, merged.rows) == (1, 4)
    rule = RetentionRule(moment("2026-02-01"), "1111111111")
    assert tables.delete_rows(KEY, rule, owner="deletion")["invoices"] == 2
    backfill(root, KEY)
    assert numbers(root) == sorted([*all_numbers, *all_numbers[2:]])
    assert SECRET not in caplog.text
