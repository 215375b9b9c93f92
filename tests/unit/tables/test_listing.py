"""Files are merged at the worst instants of a reader: while it lists a folder, and once it has listed it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.dataset as ds
import pytest
from fsspec.implementations.local import LocalFileSystem
from upath import UPath

from airflow_provider_ksef.tables import reading
from airflow_provider_ksef.tables.compaction import compact_steps
from airflow_provider_ksef.tables.leased import run_steps
from airflow_provider_ksef.tables.readback import all_rows
from airflow_provider_ksef.tables.storage import LocalStore, open_store
from airflow_provider_ksef.tables.table_files import table_files
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

ALWAYS = (0, 10**16)
MONTHS = [f"2026-{month:02d}" for month in range(1, 11)]
ALL = sorted(f"{month}-{day}" for month in MONTHS for day in (1, 2))


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Make a table of ten months with two files each."""
    root = UPath(tmp_path)
    for month in MONTHS:
        for day in (1, 2):
            row = tiny_rows(**{f"{month}-{day}": f"{month}-0{day}T12:00:00"})
            put(root, f"{month}-01", f"{month}-28", row, moves_watermark=False)
    return root


def merge(root: UPath, month: str) -> None:
    run_steps(compact_steps(open_store(root), [KEY], [month], owner="compaction"))


def test_a_folder_that_is_exchanged_while_it_is_listed_looks_no_emptier(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has opened the old folder, and asks for its files when they are gone."""
    waiting, info = ["2026-03"], LocalFileSystem.info

    def late(self: LocalFileSystem, path: Any, **options: Any) -> Any:
        if isinstance(path, os.DirEntry) and waiting and waiting[0] in Path(path).parent.name:
            merge(root, waiting.pop())
        return info(self, path, **options)

    monkeypatch.setattr(LocalFileSystem, "info", late)
    assert numbers(root) == ALL
    assert waiting == []


@pytest.mark.parametrize(
    "count",
    [
        lambda root: all_rows(root, KEY, ALWAYS, ["ksef_number"]).num_rows,
        lambda root: sum(len(files.names) for files in table_files(root, KEY)) + 1,
    ],
    ids=["verification", "command line"],
)
def test_others_list_such_a_folder_again(
    root: UPath, monkeypatch: pytest.MonkeyPatch, count: Callable[[UPath], int]
) -> None:
    waiting, names = ["2026-03"], LocalStore.names

    def late(self: LocalStore, folder: str) -> list[str]:
        if waiting and folder.endswith(
            f"invoices/context={KEY.context}/subject_type={KEY.subject_type}/month={waiting[0]}"
        ):
            merge(root, waiting.pop())
            return []
        return names(self, folder)

    monkeypatch.setattr(LocalStore, "names", late)
    assert count(root) == len(ALL)
    assert waiting == []


@pytest.mark.parametrize("exchanges", [True, False], ids=["folder", "file by file"])
def test_a_compaction_of_month_after_month_keeps_no_reader_out(
    root: UPath, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    """Each time a reader has listed the table, the next month is merged before it opens a file."""
    if not exchanges:
        monkeypatch.setattr(LocalStore, "folder_exchange", lambda *_: None)
    waiting, listed = [*MONTHS], reading._dataset

    def late(*given: Any) -> ds.Dataset:
        found = listed(*given)
        if waiting:
            merge(root, waiting.pop(0))
        return found

    monkeypatch.setattr(reading, "_dataset", late)
    assert numbers(root) == ALL
    assert len(waiting) < len(MONTHS) - 4


class GoneFile(io.BytesIO):
    """An object that was removed after it was opened: its content is asked for only when it is read."""

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002
        raise FileNotFoundError("merged meanwhile")


def test_an_object_that_is_removed_before_it_is_read_is_not_told_as_damaged(
    root: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, gone = LocalStore.open, [GoneFile(b"PAR1" * 100)]

    def late(self: LocalStore, path: str) -> BinaryIO:
        return gone.pop() if gone else opened(self, path)

    monkeypatch.setattr(LocalStore, "open", late)
    assert all_rows(root, KEY, ALWAYS, ["ksef_number"]).num_rows == len(ALL)
    assert gone == []
