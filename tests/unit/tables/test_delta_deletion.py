"""Rows deleted from Delta tables are gone, from the disk too, whoever sleeps or meets another meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.delta_deletion import delta_deletion_steps
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.delta_merging import DeltaMonth
from airflow_provider_ksef.tables.leased import under_lease
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import open_tables
from tests.unit.tables.tiny import KEY, moment, numbers, put, stage, tiny_rows

RULE = RetentionRule(moment("2026-02-01"), "1111111111")
STEPS = [
    "retention: noted the rule",
    "retention: whoever looked at the tables before must look again",
    "rewrite: built a file",
    "publish: announced",
    "publish: wrote a data file",
    "delta: read the snapshot",
    "delta: exchanged the files",
]
WEEK_MILLISECONDS = 7 * 24 * 3600 * 1000


def sold_by(nip: str, rows: pa.Table) -> pa.Table:
    return rows.append_column("seller_nip", pa.array([nip] * rows.num_rows))


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Make tables of a seller who is to be forgotten, a1 and a2, and of others: in January two files."""
    folder = UPath(tmp_path / "tables")
    for number, (start, end) in enumerate((("01-01", "01-10"), ("01-10", "03-01"))):
        gone = sold_by("1111111111", tiny_rows(**{f"a{number}": f"2026-{start}T10:00:00"}))
        rows = pa.concat_tables(
            [gone, sold_by("2222222222", tiny_rows(**{f"b{number}": f"2026-{start}T11:00:00"}))]
        )
        staged = stage(tmp_path, "invoice_lines", rows.select(["ksef_number", "permanent_storage_date"]))
        put(folder, f"2026-{start}", f"2026-{end}", rows, staged=(staged,), table_format="delta")
    return folder


def deletion(root: UPath) -> Generator[Any, None, Any]:
    return delta_deletion_steps(root, KEY, RULE, owner="deletion")


def delete(root: UPath) -> Any:
    return open_tables(root, "delta").delete_rows(KEY, RULE, owner="deletion")


def lines(root: UPath) -> list[str]:
    return sorted(read("invoice_lines", root)["ksef_number"].to_pylist())


@pytest.mark.parametrize("asleep_after", STEPS)
@pytest.mark.parametrize("successor", ["deletion", "compaction"])
def test_a_deletion_that_wakes_up_beside_another_writer_loses_and_keeps_nothing_wrong(
    root: UPath, asleep_after: str, successor: str
) -> None:
    sleeper = deletion(root)
    next(step for step in sleeper if step == asleep_after)
    if successor == "deletion":
        delete(root)
    else:
        open_tables(root, "delta").compact(KEY, owner="deletion")
    outcome: list[object] = []
    try:
        outcome = list(sleeper)
    except KsefLeaseError:
        delete(root)
    assert numbers(root) == lines(root) == ["b0", "b1"], outcome
    assert set(delete(root).values()) == {0}


@pytest.mark.parametrize("asleep_after", ["publish: wrote a data file", "delta: read the snapshot"])
def test_a_compaction_that_wakes_up_brings_nothing_back(root: UPath, asleep_after: str) -> None:
    month = DeltaMonth(open_store(root), DeltaLog(root, "invoices"), KEY, "2026-01")
    sleeper = under_lease(open_store(root), KEY, "deletion", time.time, month.merge)
    next(step for step in sleeper if step == asleep_after)
    delete(root)
    with pytest.raises(KsefLeaseError):
        list(sleeper)
    assert numbers(root) == ["b0", "b1"]


def test_what_the_library_deletes_meanwhile_stays_deleted(root: UPath) -> None:
    sleeper = deletion(root)
    next(step for step in sleeper if step == "delta: read the snapshot")
    DeltaTable(f"{root}/invoice_lines").delete("ksef_number = 'b0'")
    with pytest.raises(KsefLeaseError, match="Others have changed"):
        list(sleeper)
    delete(root)
    assert (numbers(root), lines(root)) == (["b0", "b1"], ["b1"])


def test_a_delete_of_the_library_that_meets_a_compaction_doubles_nothing(root: UPath) -> None:
    late = DeltaTable(f"{root}/invoices")
    open_tables(root, "delta").compact(KEY, owner="compaction")
    with pytest.raises(Exception, match="concurrent"):
        late.delete("ksef_number = 'b0'")
    assert numbers(root) == ["a0", "a1", "b0", "b1"]


def let_a_week_pass(root: UPath) -> None:
    """Move the moments at which files went a week back in the logs."""
    for path in Path(root.path).glob("*/_delta_log/*.json"):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        for action in actions:
            if "remove" in action:
                action["remove"]["deletionTimestamp"] -= WEEK_MILLISECONDS + 60_000
        path.write_text("\n".join(map(json.dumps, actions)))


def files_with(root: UPath, number: str) -> int:
    """Count the files of the disk that tell of an invoice."""
    return sum(number.encode() in path.read_bytes() for path in Path(root.path).rglob("*") if path.is_file())


def test_deleted_rows_leave_the_disk_a_week_later(tmp_path: Path) -> None:
    root, number = UPath(tmp_path / "tables"), "1111111111-20260105-0A1B2C3D4E5F-77"
    rows = sold_by("1111111111", tiny_rows(**{number: "2026-01-05"}))
    staged = stage(tmp_path, "invoice_lines", rows.select(["ksef_number", "permanent_storage_date"]))
    put(root, "2026-01-01", "2026-03-01", rows, staged=(staged,), table_format="delta")
    assert delete(root)["invoice_lines"] == 1
    assert files_with(root, number) == 2
    delete(root)
    assert files_with(root, number) == 2
    let_a_week_pass(root)
    delete(root)
    assert files_with(root, number) == 0
    assert numbers(root) == []


def test_a_counterparty_of_many_invoices_is_deleted(tmp_path: Path) -> None:
    root, count = UPath(tmp_path / "tables"), 60_000
    [stored] = tiny_rows(x="2026-01-05")["permanent_storage_date"].to_pylist()
    table = pa.table(
        {
            "ksef_number": [f"1111111111-20260105-{number:012X}-77" for number in range(count)],
            "permanent_storage_date": pa.array([stored] * count, pa.timestamp("us", tz="UTC")),
            "seller_nip": ["1111111111"] * count,
        }
    )
    rows = pa.concat_tables([table, sold_by("2222222222", tiny_rows(stays="2026-01-05"))])
    put(root, "2026-01-01", "2026-03-01", rows, table_format="delta")
    assert delete(root)["invoices"] == count
    assert numbers(root) == ["stays"]
