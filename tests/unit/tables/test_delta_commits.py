# ruff: noqa: ARG005 - what stands in for a method takes its arguments
"""Writers of a Delta table that meet each other lose no commit and double no row."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefError, KsefLeaseError
from airflow_provider_ksef.tables import delta_commit
from airflow_provider_ksef.tables import lease as lease_room
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.table_format import open_tables
from tests.unit.tables.tiny import KEY, moment, numbers, tiny_rows
from tests.unit.tables.tiny import put as put_as

put = partial(put_as, table_format="delta")


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    return UPath(tmp_path / "tables")


def commit_in_between(
    monkeypatch: pytest.MonkeyPatch, root: UPath, *, key: TableKey, number: str, times: int
) -> None:
    """Let another writer commit between a snapshot and the commit on top of it."""
    real, left = DeltaLog.commit, [times]

    def overtaken(self: DeltaLog, *arguments: object) -> bool:
        if left[0] and self.table == "invoices":
            left[0] -= 1
            monkeypatch.setattr(DeltaLog, "commit", real)
            monkeypatch.setattr(lease_room.Lease, "check", lambda self: None)
            put(
                root, "2026-01-01", "2026-02-01", tiny_rows(**{number: "2026-01-15"}), key=key,
                owner="dag/run/task/-1", moves_watermark=False,
            )  # fmt: skip
            monkeypatch.setattr(DeltaLog, "commit", overtaken)
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaLog, "commit", overtaken)


def test_a_commit_to_another_part_is_no_obstacle(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    other = TableKey("nip-1111111111", "Subject1")
    put(root, "2026-01-01", "2026-01-02", tiny_rows())
    commit_in_between(monkeypatch, root, key=other, number="theirs", times=2)
    result = put(root, "2026-01-02", "2026-02-01", tiny_rows(ours="2026-01-15"))
    assert numbers(root) == ["ours", "theirs"]
    assert len(result.files) == 1
    assert open_tables(root, "delta").watermark(KEY).position == moment("2026-02-01")  # type: ignore[union-attr]


def test_a_writer_that_was_overtaken_does_not_double_rows(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "2026-01-01", "2026-01-02", tiny_rows())
    commit_in_between(monkeypatch, root, key=KEY, number="same", times=1)
    with pytest.raises(KsefLeaseError, match="begin the window anew"):
        put(root, "2026-01-02", "2026-02-01", tiny_rows(same="2026-01-15"))
    monkeypatch.undo()
    assert numbers(root) == ["same"]
    put(root, "2026-01-02", "2026-02-01", tiny_rows(same="2026-01-15"))
    assert numbers(root) == ["same"]


def test_a_commit_whose_answer_was_lost_is_recognised(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    real, lost = DeltaLog.commit, []

    def lose_the_answer(self: DeltaLog, *arguments: object) -> bool:
        done = real(self, *arguments)  # type: ignore[arg-type]
        lost.append(done)
        return False

    monkeypatch.setattr(DeltaLog, "commit", lose_the_answer)
    result = put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert (result.rows_written, lost) == (1, [True])
    assert numbers(root) == ["a"]


def test_a_table_that_others_commit_to_all_the_time_is_an_error(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_commit, "LONGEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(DeltaLog, "commit", lambda self, *arguments: False)
    with pytest.raises(KsefLeaseError, match="20 times"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    monkeypatch.undo()
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    assert numbers(root) == ["a"]


def test_writers_of_many_parts_do_not_lose_each_others_commits(root: UPath) -> None:
    keys = [TableKey(f"nip-{number}", subject) for number in range(3) for subject in ("Subject1", "Subject2")]
    failures: list[KsefError] = []

    def sync(key: TableKey) -> None:
        try:
            for day in range(1, 5):
                stored = tiny_rows(**{f"{key.context}-{key.subject_type}-{day}": f"2026-01-{day:02d}T12:00"})
                put(root, f"2026-01-{day:02d}", f"2026-01-{day + 1:02d}", stored, key=key, owner=str(key))
        except KsefError as error:
            failures.append(error)

    threads = [threading.Thread(target=sync, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(numbers(root)) == len(set(numbers(root))) == 24
    for key in keys:
        watermark = open_tables(root, "delta").watermark(key)
        assert watermark is not None
        assert watermark.position == moment("2026-01-05")
