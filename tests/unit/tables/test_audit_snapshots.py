"""Snapshots of the audit tables, on a local folder and on S3."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.audit_columns import AUDIT_SCHEMAS
from airflow_provider_ksef.tables.audit_report import audit_report
from airflow_provider_ksef.tables.audit_rows import snapshot_rows
from airflow_provider_ksef.tables.audit_snapshots import keep_snapshot, read_snapshot, snapshot_dates
from airflow_provider_ksef.tables.storage import LocalStore, open_store
from tests.s3_server import other_client
from tests.unit.tables.audit_told import CERTIFICATE, CONTEXT, MONDAY, PERSON, TOKEN, TOLD
from tests.unit.tables.tiny import put, tiny_rows

DAY = date(2026, 11, 23)
TOKENS_FILE = f"tokens/context={CONTEXT}/month=2026-11/2026-11-23.parquet"


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    if request.param == "local":
        return UPath(tmp_path / "tables")
    bucket: UPath = request.getfixturevalue("bucket")
    return bucket


def keep(
    root: UPath, table: str, told: Any = None, taken_at: datetime = MONDAY, context: str = CONTEXT
) -> int:
    return keep_snapshot(
        root, context, table, TOLD[table] if told is None else told, taken_at=taken_at, environment="test"
    )


def tokens(*statuses: str) -> dict[str, Any]:
    return {
        "tokens": [
            {**TOKEN, "referenceNumber": f"T{number}", "status": status}
            for number, status in enumerate(statuses)
        ]
    }


def test_what_was_written_is_read(root: UPath) -> None:
    for table in AUDIT_SCHEMAS:
        count = keep(root, table)
        expected = snapshot_rows(table, TOLD[table], MONDAY)
        assert count == len(expected)
        assert read_snapshot(root, CONTEXT, table, DAY) == expected
        found = read(table, root)
        assert found.schema.names == [*AUDIT_SCHEMAS[table].names, "context"]
        assert found.drop_columns("context").schema.equals(AUDIT_SCHEMAS[table])
        assert set(found["context"].to_pylist()) == {CONTEXT}


def test_a_second_run_on_the_same_day_takes_the_place_of_the_first(root: UPath) -> None:
    keep(root, "tokens", tokens("Active", "Active"))
    later = MONDAY + timedelta(hours=3)
    keep(root, "tokens", tokens("Revoked"), later)
    keep(root, "tokens", tokens("Revoked"), later)
    (row,) = read("tokens", root).to_pylist()
    assert (row["status"], row["taken_at"]) == ("Revoked", later)
    assert snapshot_dates(root, CONTEXT, "tokens") == [DAY]


def test_a_late_writer_does_not_undo_a_later_snapshot(root: UPath) -> None:
    keep(root, "tokens", tokens("Revoked"), MONDAY + timedelta(hours=3))
    keep(root, "tokens", tokens("Active"))
    assert read("tokens", root)["status"].to_pylist() == ["Revoked"]


def test_days_months_and_contexts_are_kept_apart(root: UPath) -> None:
    days = [MONDAY + timedelta(days=7 * week) for week in (2, 0, 1)]
    for moment in days:
        keep(root, "tokens", tokens("Active"), moment)
    keep(root, "tokens", tokens("Failed", "Failed"), days[0], "nip-7980332920")
    assert snapshot_dates(root, CONTEXT, "tokens") == [
        date(2026, 11, 23),
        date(2026, 11, 30),
        date(2026, 12, 7),
    ]
    assert len(read_snapshot(root, CONTEXT, "tokens", date(2026, 12, 7))) == 1
    december = read("tokens", root, filters=[("month", "=", "2026-12")])
    assert sorted(december["status"].to_pylist()) == ["Active", "Failed", "Failed"]


def test_a_snapshot_of_nothing_is_one(root: UPath) -> None:
    assert keep(root, "tokens", {"tokens": []}) == 0
    assert snapshot_dates(root, CONTEXT, "tokens") == [DAY]
    assert read_snapshot(root, CONTEXT, "tokens", DAY) == []


def test_no_reader_sees_half_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = UPath(tmp_path / "tables")
    keep(root, "tokens", tokens("Active"))

    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalStore, "swap", killed)
    with pytest.raises(KeyboardInterrupt):
        keep(root, "tokens", tokens("Revoked"), MONDAY + timedelta(hours=1))
    assert read("tokens", root)["status"].to_pylist() == ["Active"]


def test_of_many_writers_at_once_the_latest_wins(root: UPath) -> None:
    failures: list[Exception] = []

    def write(number: int) -> None:
        try:
            own = other_client(root) if root.protocol == "s3" else root
            keep(own, "tokens", tokens(*["Active"] * number), MONDAY + timedelta(minutes=number))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert read("tokens", root).num_rows == 4


def test_another_environment_and_a_foreign_file_are_refused(root: UPath) -> None:
    keep(root, "tokens")
    with pytest.raises(KsefTableError, match=r"'test'.*'production'"):
        keep_snapshot(root, CONTEXT, "tokens", {}, taken_at=MONDAY, environment="production")
    open_store(root).replace(TOKENS_FILE, b"no parquet")
    with pytest.raises(KsefTableError, match="is damaged, or none of this package's"):
        keep(root, "tokens", taken_at=MONDAY + timedelta(hours=1))


def test_invoices_and_snapshots_share_a_folder_of_either_format(tmp_path: Path) -> None:
    for table_format in ("parquet", "delta"):
        root = UPath(tmp_path / table_format)
        keep(root, "tokens")
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), table_format=table_format)
        assert (read("invoices", root).num_rows, read("tokens", root).num_rows) == (1, 1)


def test_a_report_compares_the_last_two_snapshots(root: UPath) -> None:
    with pytest.raises(KsefInputError, match="has no snapshot"):
        audit_report(root, CONTEXT)
    keep(root, "tokens", tokens("Active"))
    first = audit_report(root, CONTEXT, now=MONDAY)
    assert (first.changes, first.expiring) == ((), ())
    assert first.lines() == ["tokens: 2026-11-23, the first snapshot"]

    later = MONDAY + timedelta(days=7)
    keep(root, "tokens", tokens("Revoked"), later)
    keep(root, "permissions", {"persons": [PERSON]}, later)
    keep(root, "certificates", {"certificates": [CERTIFICATE]}, later)
    report = audit_report(root, CONTEXT, now=later)
    assert report.lines() == [
        "permissions: 2026-11-30, the first snapshot",
        "tokens: 2026-11-30, compared with 2026-11-23: 1 change",
        "certificates: 2026-11-30, the first snapshot",
        (
            "tokens changed: T0 (dla Airflow) of Nip 5250001210, may InvoiceRead, InvoiceWrite: "
            "status Active -> Revoked"
        ),
        "certificates: 01A2B3C4D5E6F708 serwer (Authentication) expires, 2027-01-01 00:59",
    ]
    late = audit_report(root, CONTEXT, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert late.lines()[-1].endswith("has expired, 2027-01-01 00:59")
    none = audit_report(root, CONTEXT, now=later, expiring_days=30)
    assert (none.expiring, none.lines()[-1]) == ((), "certificates: none expires within 30 days")


@pytest.mark.parametrize(
    ("field", "wrong", "told"),
    [
        ("tables_path", None, "tables_path=None: is no path"),
        ("tables_path", "", "tables_path='': is no path"),
        ("context", "5250001210", "There are snapshots of nip-5250001210"),
        ("context", None, "context=None: has no snapshot"),
        ("expiring_days", "60", "expiring_days='60': is no number of days"),
        ("expiring_days", -1, "expiring_days=-1: is no number of days"),
        ("expiring_days", float("nan"), "expiring_days=nan: is no number of days"),
        ("expiring_days", 10**12, "Give one from 0 to"),
        ("now", datetime(2026, 11, 30), "is no moment with an offset"),  # noqa: DTZ001
        ("now", "2026-11-30", "now='2026-11-30': is no moment"),
    ],
)
def test_a_report_tells_which_parameter_is_wrong(
    tmp_path: Path, field: str, wrong: object, told: str
) -> None:
    root = UPath(tmp_path / "tables")
    keep(root, "tokens")
    given: dict[str, Any] = {"tables_path": root, "context": CONTEXT, field: wrong}
    with pytest.raises(KsefInputError, match=re.escape(told)):
        audit_report(**given)


@pytest.mark.parametrize("table", AUDIT_SCHEMAS)
def test_other_readers_find_the_same(tmp_path: Path, table: str) -> None:
    root = UPath(tmp_path / "tables")
    for week in (0, 2):
        keep(root, table, taken_at=MONDAY + timedelta(days=7 * week))
    names = AUDIT_SCHEMAS[table].names
    wanted = sorted(read(table, root, columns=names).to_pylist(), key=str)
    folder = f"{tmp_path}/tables/{table}"
    query = f"SELECT {', '.join(names)} FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    by_duckdb = duckdb.sql(query).to_arrow_table().to_pylist()
    by_polars = pl.scan_parquet(folder, hive_partitioning=True).select(names).collect().to_dicts()
    frame = pd.read_parquet(folder, columns=names, dtype_backend="pyarrow")
    assert sorted(by_duckdb, key=str) == wanted
    assert sorted(by_polars, key=str) == wanted
    assert len(frame) == len(wanted)
    assert sorted(map(str, frame["snapshot_date"])) == sorted(str(row["snapshot_date"]) for row in wanted)
