"""Readers at work while files are merged: ours see each row once, others may miss some and see none twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from upath import UPath

from airflow_provider_ksef.tables.compaction import compact_parts
from airflow_provider_ksef.tables.storage import LocalStore
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

ROUNDS = 6
FILES = 6


class Reader(threading.Thread):
    """Reads again and again until it is told to stop."""

    def __init__(self, read: Callable[[], list[str]]) -> None:
        super().__init__(daemon=True)
        self.read = read
        self.seen: list[tuple[float, list[str]]] = []
        self.errors: list[Exception] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                self.seen.append((began, self.read()))
            except Exception as error:  # noqa: BLE001
                self.errors.append(error)


def plain(root: UPath) -> list[str]:
    """Read as any tool does: list the folder, then open the files."""
    found: list[str] = (
        ds.dataset(str(root / "invoices"), partitioning="hive").to_table()["ksef_number"].to_pylist()
    )
    return found


def written(root: UPath) -> Iterator[tuple[float, int]]:
    """Commit windows and merge them; say after each commit when it was and how many rows there are."""
    put(root, "2025-12-01", "2026-02-15", tiny_rows())
    for index in range(ROUNDS * FILES):
        number = {f"n{index:04d}": f"2026-01-{index % 27 + 1:02d}T00:00:{index % 60:02d}"}
        put(root, "2026-01-01", "2026-01-31", tiny_rows(**number), moves_watermark=False)
        yield time.monotonic(), index + 1
        if index % FILES == FILES - 1:
            compact_parts(root, KEY, owner="compaction")


def check_none_twice(reader: Reader) -> None:
    assert len(reader.seen) > ROUNDS
    assert all(len(seen) == len(set(seen)) for _, seen in reader.seen)


def check_none_missing(reader: Reader, commits: list[tuple[float, int]]) -> None:
    for began, seen in reader.seen:
        assert len(seen) >= max((count for moment, count in commits if moment < began), default=0)


@pytest.mark.parametrize("exchanges", [True, False], ids=["folder", "file by file"])
def test_the_packages_own_reader_sees_every_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    if not exchanges:
        monkeypatch.setattr(LocalStore, "folder_exchange", lambda *_: None)
    root = UPath(tmp_path)
    reader = Reader(lambda: numbers(root))
    steps = written(root)
    commits = [next(steps)]
    reader.start()
    commits += steps
    reader.stopped.set()
    reader.join()
    assert reader.errors == []
    check_none_twice(reader)
    check_none_missing(reader, commits)


def test_any_reader_of_a_folder_sees_no_row_twice(tmp_path: Path) -> None:
    root = UPath(tmp_path)
    reader = Reader(lambda: plain(root))
    steps = written(root)
    next(steps)
    reader.start()
    list(steps)
    reader.stopped.set()
    reader.join()
    assert {type(error) for error in reader.errors} <= {FileNotFoundError}
    check_none_twice(reader)
