"""Compaction and retention of Delta tables change files, delete what they are told to, and nothing else."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables import delta_upkeep, read
from airflow_provider_ksef.tables.delta import DeltaTables
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.table_files import table_files
from airflow_provider_ksef.tables.table_format import open_tables
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import KEY, moment, numbers, stage, tiny_rows
from tests.unit.tables.tiny import put as put_as

put = partial(put_as, table_format="delta")
OWNER = "dag/run/compact/-1"


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Make tables of two parts: three windows in January, one in February, the watermark in March."""
    folder = UPath(tmp_path / "tables")
    for key in (KEY, TableKey("nip-1111111111", "Subject1")):
        name = key.subject_type
        for number, (start, end) in enumerate(
            [("01-01", "01-11"), ("01-11", "01-21"), ("01-21", "02-01"), ("02-01", "03-01")]
        ):
            invoices = rows(
                *(
                    invoice(
                        ksefNumber=f"{name}-{number}-{row}",
                        permanentStorageDate=f"2026-{start}T12:00:00.00000{row}Z",
                        seller={"nip": f"{'2' if row % 2 else '1'}" * 10, "name": "x"},
                    )
                    for row in range(6)
                )
            )
            staged = stage(
                tmp_path, "invoice_lines", invoices.select(["ksef_number", "permanent_storage_date"])
            )
            put(folder, f"2026-{start}", f"2026-{end}", invoices, key=key, staged=(staged,))
    return folder


def tables(root: UPath) -> DeltaTables:
    found = open_tables(root, "delta")
    assert isinstance(found, DeltaTables)
    return found


def contents(root: UPath) -> list[pa.Table]:
    order = [("context", "ascending"), ("ksef_number", "ascending")]
    return [read(name, root).sort_by(order) for name in ("invoices", "invoice_lines")]


def test_closed_months_are_merged_and_hold_the_same_rows(root: UPath) -> None:
    before, watermark = contents(root), tables(root).watermark(KEY)
    planned = tables(root).compact(KEY, owner=OWNER, dry_run=True)
    assert [(month.table, month.month, month.files_before) for month in planned] == [
        ("invoice_lines", "2026-01", 3),
        ("invoices", "2026-01", 3),
    ]
    done = tables(root).compact(KEY, owner=OWNER)
    assert [(month.files_before, month.files_after, month.rows) for month in done] == [(3, 1, 18)] * 2
    assert all(got.equals(expected) for got, expected in zip(contents(root), before, strict=True))
    after = tables(root).watermark(KEY)
    assert watermark is not None
    assert after is not None
    assert (after.position, after.began_at) == (watermark.position, watermark.began_at)
    assert tables(root).compact(KEY, owner=OWNER) == ()
    other = table_files(root, TableKey("nip-1111111111", "Subject1"))
    assert {(files.key.table, files.month): len(files.names) for files in other} == {
        ("invoices", "2026-01"): 3,
        ("invoices", "2026-02"): 1,
        ("invoice_lines", "2026-01"): 3,
        ("invoice_lines", "2026-02"): 1,
    }


def test_rows_of_merged_files_are_read_back(root: UPath) -> None:
    tables(root).compact(KEY, owner=OWNER)
    before = numbers(root)
    again = rows(invoice(ksefNumber="Subject2-1-3", permanentStorageDate="2026-01-11T12:00:00.000003Z"))
    result = put(root, "2026-01-01", "2026-02-01", again, moves_watermark=False)
    assert (result.rows_written, result.rows_already_there) == (0, 1)
    assert numbers(root) == before


def test_the_newest_months_can_be_left_alone(root: UPath) -> None:
    put(root, "2026-03-01", "2026-03-02", tiny_rows(x="2026-03-01"))
    assert tables(root).compact(KEY, owner=OWNER, keep_open_months=2) == ()


def test_what_nobody_names_is_removed_after_a_week(root: UPath) -> None:
    folder = Path(root.path) / "invoices/context=nip-5250001210/subject_type=Subject2/month=2026-01"
    old, fresh = folder / "dead.parquet", folder / "published.parquet"
    for file in (old, fresh):
        file.write_bytes(b"PAR1")
    eight_days_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (eight_days_ago, eight_days_ago))
    tables(root).compact(KEY, owner=OWNER)
    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize("nip", [None, "2222222222"])
def test_rows_are_deleted_from_all_tables_by_date_and_counterparty(root: UPath, nip: str | None) -> None:
    before = contents(root)
    rule = RetentionRule("2026-01-11T12:00:00.0000030+00:00", nip)
    counted = tables(root).delete_rows(KEY, rule, owner=OWNER, dry_run=True)
    assert [table.num_rows for table in contents(root)] == [48, 48]
    deleted = tables(root).delete_rows(KEY, rule, owner=OWNER)
    gone = [
        f"Subject2-{number}-{row}"
        for number, last in ((0, 6), (1, 3))
        for row in range(last)
        if nip is None or row % 2
    ]
    assert deleted == counted
    assert {table: count for table, count in deleted.items() if count} == {
        "invoices": len(gone),
        "invoice_lines": len(gone),
    }
    for got, expected in zip(contents(root), before, strict=True):
        stays = [number not in gone for number in expected["ksef_number"].to_pylist()]
        assert got.equals(expected.filter(pa.array(stays)))
    watermark = tables(root).watermark(KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-03-01")
    back = rows(
        invoice(
            ksefNumber="Subject2-0-1",
            permanentStorageDate="2026-01-01T12:00:00.000001Z",
            seller={"nip": "2222222222", "name": "x"},
        )
    )
    assert put(root, "2026-01-01", "2026-01-02", back, moves_watermark=False).rows_written == 0


def test_an_operation_that_others_overtake_is_repeated(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:

    real, left = DeltaTable.delete, [1]

    def overtaken(self: DeltaTable, predicate: str) -> object:
        if left[0]:
            left[0] -= 1
            raise CommitFailedError("overtaken")
        return real(self, predicate)

    monkeypatch.setattr(DeltaTable, "delete", overtaken)
    rule = RetentionRule("2026-01-11T00:00:00.0000000+00:00")
    assert tables(root).delete_rows(KEY, rule, owner=OWNER)["invoices"] == 6
    monkeypatch.setattr(delta_upkeep, "TRIES", 0)
    with pytest.raises(KsefLeaseError, match="Run it again"):
        delta_upkeep._repeated(DeltaLog(root, "invoices"), lambda _: None)
