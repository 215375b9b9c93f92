"""Compaction and retention of Delta tables change files, delete what they are told to, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables import delta_upkeep, read
from airflow_provider_ksef.tables.compaction import CompactedMonth
from airflow_provider_ksef.tables.delta import DeltaTables
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_merging import DeltaMonth
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.lease import Step
from airflow_provider_ksef.tables.leased import under_lease
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.storage import open_store
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


def merging(root: UPath) -> Generator[Step, None, CompactedMonth | None]:
    """Merge January step by step, as a compaction does."""
    store = open_store(root)
    month = DeltaMonth(store, DeltaLog(root, "invoices"), KEY, "2026-01")
    return under_lease(store, KEY, OWNER, time.time, month.merge)


def run_until(steps: Generator[Step, None, CompactedMonth | None], reached: str) -> None:
    next(step for step in steps if step == reached)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "asleep_after",
    [
        "rewrite: built a file",
        "publish: announced",
        "publish: wrote a data file",
        "delta: read the snapshot",
    ],
)
def test_a_compaction_that_wakes_up_beside_the_next_one_doubles_nothing(
    root: UPath, asleep_after: str
) -> None:
    before, sleeper = contents(root), merging(root)
    run_until(sleeper, asleep_after)
    assert tables(root).compact(KEY, owner=OWNER)
    with pytest.raises(KsefLeaseError):
        list(sleeper)
    assert all(got.equals(expected) for got, expected in zip(contents(root), before, strict=True))
    assert tables(root).compact(KEY, owner=OWNER) == ()


def test_a_commit_to_another_part_meanwhile_does_no_harm(root: UPath) -> None:
    compaction = merging(root)
    run_until(compaction, "delta: read the snapshot")
    other = TableKey("nip-1111111111", "Subject1")
    put(root, "2026-01-05", "2026-01-06", tiny_rows(x="2026-01-05"), key=other, moves_watermark=False)
    assert "delta: exchanged the files" in list(compaction)
    assert len(numbers(root)) == 49


def test_rows_deleted_meanwhile_stay_deleted(root: UPath) -> None:
    compaction = merging(root)
    run_until(compaction, "delta: read the snapshot")
    DeltaTable(f"{root}/invoices").delete("ksef_number = 'Subject2-1-3'")
    with pytest.raises(KsefLeaseError, match="Others have changed"):
        list(compaction)
    assert "Subject2-1-3" not in numbers(root)


def test_merged_files_are_sorted_whoever_wrote_the_old_ones(root: UPath) -> None:
    january = "invoices/context=nip-5250001210/subject_type=Subject2/month=2026-01"
    names = [("context", KEY.context), ("subject_type", KEY.subject_type), ("month", "2026-01")]
    DeltaTable(f"{root}/invoices").optimize.compact([(name, "=", value) for name, value in names])
    DeltaTable(f"{root}/invoices").delete("ksef_number = 'Subject2-1-3'")
    put(root, "2026-01-01", "2026-01-31", tiny_rows(x="2026-01-05"), moves_watermark=False)
    assert [done.files_before for done in tables(root).compact(KEY, owner=OWNER)][-1] == 2
    [path] = DeltaLog(root, "invoices").paths(DeltaLog(root, "invoices").snapshot(), KEY)["2026-01"]
    stored = pq.read_table(f"{root}/invoices/{path}", partitioning=None)["permanent_storage_date"].to_pylist()
    assert f"invoices/{path}".startswith(january)
    assert (len(stored), stored) == (18, sorted(stored))


def test_the_log_says_that_no_data_changed(root: UPath) -> None:
    tables(root).compact(KEY, owner=OWNER)
    newest = sorted((Path(root.path) / "invoices/_delta_log").glob("*.json"))[-1]
    actions = [json.loads(line) for line in newest.read_text().splitlines()]
    changed = [
        action[kind]["dataChange"] for action in actions for kind in ("add", "remove") if kind in action
    ]
    assert changed == [False] * 4


def test_rows_of_merged_files_are_read_back(root: UPath) -> None:
    tables(root).compact(KEY, owner=OWNER)
    before = numbers(root)
    again = rows(invoice(ksefNumber="Subject2-1-3", permanentStorageDate="2026-01-11T12:00:00.000003Z"))
    result = put(root, "2026-01-01", "2026-02-01", again, moves_watermark=False)
    assert (result.rows_written, result.rows_already_there) == (0, 1)
    assert numbers(root) == before


def test_the_newest_months_can_be_left_alone(root: UPath) -> None:
    put(root, "2026-03-01", "2026-03-02", tiny_rows(x="2026-03-01"))
    for keep_open in (2, 3):
        assert tables(root).compact(KEY, owner=OWNER, keep_open_months=keep_open) == ()


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
    left = [1]

    def overtaken(snapshot: DeltaTable) -> int:
        if left[0]:
            left[0] -= 1
            raise CommitFailedError("overtaken")
        return snapshot.version()

    assert delta_upkeep.repeated(DeltaLog(root, "invoices"), overtaken) == 8
    monkeypatch.setattr(delta_upkeep, "TRIES", 0)
    with pytest.raises(KsefLeaseError, match="Run it again"):
        delta_upkeep.repeated(DeltaLog(root, "invoices"), overtaken)
