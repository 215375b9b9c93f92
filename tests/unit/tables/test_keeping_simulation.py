# ruff: noqa: ARG005 - what stands in for a method takes its arguments
"""Compaction and deletion among syncs and a backfill, all interleaved, dropped and woken up late."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables import lease, live_files
from airflow_provider_ksef.tables.compaction import compact_steps
from airflow_provider_ksef.tables.layout import TableKey, key_folder
from airflow_provider_ksef.tables.moments import format_ticks
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.row_deletion import deletion_steps
from airflow_provider_ksef.tables.storage import Store
from tests.unit.tables.simulated_world import FIRST, KEY, LINES, STEP, Task, Try, World
from tests.unit.tables.simulation import simulate
from tests.unit.tables.test_commit_simulation import local_store, object_store

MUTANT_RUNS = 60
Make = Callable[[Path], Store]


def compaction(world: World, owner: str) -> Try:
    """One try of a compaction of whatever months are there."""
    parts = [KEY, TableKey(KEY.context, KEY.subject_type, LINES)]
    months = sorted(name.removeprefix("month=") for name in world.store.names(key_folder(KEY)))
    yield "listed the months"
    try:
        yield from compact_steps(world.store, parts, months, owner=owner, clock=lambda: world.now)
    except KsefLeaseError:
        return


def deletion(world: World, owner: str) -> Try:
    """One try of a deletion of the oldest rows."""
    world.deleted_before = FIRST + 3 * STEP
    rule = RetentionRule(format_ticks(world.deleted_before))
    yield "made the rule"
    try:
        yield from deletion_steps(world.store, KEY, rule, owner=owner, clock=lambda: world.now)
    except KsefLeaseError:
        return


BOTH: dict[str, Task] = {"compaction": compaction, "deletion": deletion}


def file_by_file(folder: Path) -> Store:
    """A folder on a file system where folders cannot change places."""
    store = local_store(folder)
    store.folder_exchange = lambda folder, token: None  # type: ignore[method-assign]
    return store


def faults(store: Make, seeds: range, folder: Path, more: dict[str, Task]) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        found.update(set(simulate(store(folder / str(seed)), seed, 90, more=more)))
    return found


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.mark.parametrize(
    ("store", "runs"),
    [(object_store, 40), (local_store, 16), (file_by_file, 8)],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_no_row_is_lost_or_doubled(store: Make, runs: int, tmp_path: Path) -> None:
    assert faults(store, range(runs), tmp_path, BOTH) == {}


def does_not_check_its_lease(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease.Lease, "check", lambda self: None)


def counts_replaced_files(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(live_files, "replaced_by", lambda store, path: ())


@pytest.mark.parametrize(
    ("break_it", "store", "expected"),
    [
        (does_not_check_its_lease, local_store, {"lost", "doubled"}),
        (counts_replaced_files, object_store, {"doubled", "a reader sees doubled rows"}),
    ],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_a_broken_one_is_found(
    break_it: Callable[[pytest.MonkeyPatch], None],
    store: Make,
    expected: set[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    break_it(monkeypatch)
    found = (set(simulate(store(tmp_path / str(seed)), seed, 90, more=BOTH)) for seed in range(MUTANT_RUNS))
    assert any(expected & each for each in found)
