"""What a killed deletion or compaction leaves on the disk, rows that are to be gone among it, is removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.tables.storage import LocalStore
from airflow_provider_ksef.tables.storage.folder_exchange import remove_folder
from tests.unit.tables.test_keeping_interleaved import Clock, advanced, deletion, finish
from tests.unit.tables.tiny import numbers, put, tiny_rows


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Make a table with two files in January; ``a`` is to be deleted."""
    root = UPath(tmp_path / "tables")
    put(root, "2026-01-01", "2026-01-10", tiny_rows(a="2026-01-02", b="2026-01-09"))
    put(root, "2026-01-10", "2026-01-20", tiny_rows(c="2026-01-11"))
    return root


def on_disk(root: UPath) -> set[str]:
    """Read every file below a folder, whether a reader of the table sees it or not."""
    files = [
        path for path in Path(root.path).rglob("*") if path.is_file() and "PAR1" in path.read_text("latin1")
    ]
    return {number for path in files for number in pq.read_table(path)["ksef_number"].to_pylist()}


@pytest.mark.parametrize("exchanges", [True, False], ids=["folder", "file by file"])
def test_the_next_try_removes_deleted_rows_from_the_disk(
    root: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr(LocalStore, "folder_exchange", lambda *_: None)
    copies = tmp_path / "copies"
    for step in range(1, 40):
        shutil.copytree(root.path, copies / str(step))
        copy, clock = UPath(copies / str(step)), Clock()
        there = advanced(deletion(copy, clock, "killed"), step)
        clock.now += 200
        finish(deletion(copy, clock, "next try"))
        assert numbers(copy) == ["b", "c"], step
        assert on_disk(copy) == {"b", "c"}, step
        if not there:
            return
    pytest.fail("never came to an end")


def test_an_old_folder_whose_removal_was_cut_is_removed_by_whoever_comes_next(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, **_: object) -> None:
        if path.exists():
            raise KeyboardInterrupt

    monkeypatch.setattr("airflow_provider_ksef.tables.storage.folder_exchange.shutil.rmtree", killed)
    clock = Clock()
    with pytest.raises(KeyboardInterrupt):
        finish(deletion(root, clock, "killed"))
    monkeypatch.undo()
    assert "a" in on_disk(root)
    clock.now += 200
    put(root, "2026-01-20", "2026-01-30", tiny_rows())
    assert on_disk(root) == {"b", "c"}


def test_a_folder_is_removed_beside_what_an_earlier_removal_left(tmp_path: Path) -> None:
    for name in ("beside", "beside.removed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    remove_folder(tmp_path / "beside")
    assert list(tmp_path.iterdir()) == []
