# ruff: noqa: ARG005 - what stands in for a method takes its arguments
"""The commit under thousands of random interleavings, and proof that these would find a broken one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_ksef.tables import commit, lease, month_files
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.readback import numbers_there
from airflow_provider_ksef.tables.storage import Content, LocalStore, ObjectStore, Store
from tests.unit.tables.simulation import simulate

MUTANT_RUNS = 400


def object_store(_: Path) -> Store:
    return ObjectStore(MemoryFileSystem(global_store=False, skip_instance_cache=True), "/tables", "memory")


def local_store(folder: Path) -> Store:
    return LocalStore(folder / "tables")


def faults(store: Callable[[Path], Store], seeds: range, folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        found.update(set(simulate(store(folder / str(seed)), seed)))
    return found


def finds(fault: str, store: Callable[[Path], Store], folder: Path) -> bool:
    return any(fault in simulate(store(folder / str(seed)), seed) for seed in range(MUTANT_RUNS))


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.mark.sampled(10)
@pytest.mark.parametrize("seeds", [range(start, start + 200) for start in range(0, 2000, 200)], ids=str)
def test_no_row_is_lost_or_doubled_on_an_object_store(seeds: range, tmp_path: Path) -> None:
    assert faults(object_store, seeds, tmp_path) == {}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seeds", [range(start, start + 125) for start in range(0, 250, 125)], ids=str)
def test_no_row_is_lost_or_doubled_in_a_folder(seeds: range, tmp_path: Path) -> None:
    assert faults(local_store, seeds, tmp_path) == {}


def overwrite(store: ObjectStore, path: str, token: int, content: Content) -> None:
    store.replace(path, content.read_bytes() if isinstance(content, Path) else content)


def overwrites_deterministic_names(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        month_files, "file_name", lambda start, end, export_reference, token, ordinal: f"{start[:19]}.parquet"
    )
    patch.setattr(ObjectStore, "publish", overwrite)


def reads_only_the_boundary_back(patch: pytest.MonkeyPatch) -> None:
    def boundary(
        store: Store, key: TableKey, numbers: Any, span: tuple[int, int], keep_lease: Any
    ) -> Iterator[str]:
        return numbers_there(store, key, numbers, (span[0], span[0]), keep_lease)

    patch.setattr(commit, "numbers_there", boundary)


def nothing(store: Store, key: TableKey, numbers: Any, span: Any, keep_lease: Any) -> Iterator[str]:
    yield "read nothing back"
    return numbers.slice(0, 0)


def does_not_read_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "numbers_there", nothing)


def does_not_check_its_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease.Lease, "check", lambda self: None)


def does_not_forbid_late_publications(patch: pytest.MonkeyPatch) -> None:
    for store in (LocalStore, ObjectStore):
        patch.setattr(store, "forbid", lambda self, path, token, tombstone: None)


def has_no_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease.Lease, "acquire", lambda self, tombstone: iter(()))
    patch.setattr(lease.Lease, "check", lambda self: None)
    patch.setattr(lease.Lease, "keep", lambda self: None)


def moves_the_watermark_first(patch: pytest.MonkeyPatch) -> None:
    real = commit._publish

    def publish(
        store: Store, key: Any, window: Any, files: list[Any], held: Any, **how: Any
    ) -> Iterator[Any]:
        yield from real(store, key, window, [], held, **how)
        yield from real(store, key, window, files, held, **{**how, "moves_watermark": False})

    patch.setattr(commit, "_publish", publish)


def does_not_hold_its_window_against_the_watermark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "check_start", lambda watermark, window: None)
    patch.setattr(commit, "is_after", lambda moment, other: moment != other)


def publishes_invoices_first(patch: pytest.MonkeyPatch) -> None:
    real = commit._publish

    def publish(store: Store, key: Any, window: Any, files: Any, held: Any, **how: Any) -> Iterator[Any]:
        yield from real(store, key, window, files[::-1], held, **how)

    patch.setattr(commit, "_publish", publish)


def does_not_read_the_lines_back(patch: pytest.MonkeyPatch) -> None:
    def only_invoices(
        store: Store, key: TableKey, numbers: Any, span: tuple[int, int], keep_lease: Any
    ) -> Iterator[str]:
        find = numbers_there if key.table == "invoices" else nothing
        return find(store, key, numbers, span, keep_lease)

    patch.setattr(commit, "numbers_there", only_invoices)


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (overwrites_deterministic_names, "lost"),
        (reads_only_the_boundary_back, "doubled"),
        (does_not_read_back, "doubled"),
        (does_not_read_the_lines_back, "doubled lines"),
        (publishes_invoices_first, "an invoice without its lines"),
        (does_not_check_its_lease, "doubled"),
        (does_not_forbid_late_publications, "doubled"),
        (has_no_lease, "doubled"),
        (moves_the_watermark_first, "the watermark is ahead of the rows"),
        (does_not_hold_its_window_against_the_watermark, "the watermark moved back"),
    ],
)
def test_a_broken_commit_is_found(
    break_it: Callable[[pytest.MonkeyPatch], None],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    break_it(monkeypatch)
    assert finds(expected, object_store, tmp_path)


def test_a_folder_whose_late_publications_are_not_forbidden_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    does_not_forbid_late_publications(monkeypatch)
    assert finds("doubled", local_store, tmp_path)
