"""Compactions and commits that die, or wake up late, at each step that others may see."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError
from airflow_provider_ksef.tables.commit import commit_steps
from airflow_provider_ksef.tables.compaction import compact_steps
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.retention import RetentionRule
from airflow_provider_ksef.tables.row_deletion import deletion_steps
from airflow_provider_ksef.tables.storage import LocalStore, open_store
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

Steps = Generator[Any, None, Any]
Make = Callable[[str], UPath]
MONTHS = ["2026-01"]


class Clock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1_780_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["folder", "file by file", "objects"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a table with two files in January."""
    if request.param == "file by file":
        monkeypatch.setattr(LocalStore, "folder_exchange", lambda *_: None)
    monkeypatch.setattr(os, "fsync", lambda *_: None)

    def new(name: str) -> UPath:
        place = tmp_path / name
        root = UPath(f"memory://{place}") if request.param == "objects" else UPath(place)
        put(root, "2026-01-01", "2026-01-10", tiny_rows(a="2026-01-02", b="2026-01-09"))
        put(root, "2026-01-10", "2026-01-20", tiny_rows(c="2026-01-11"))
        return root

    return new


def compaction(root: UPath, clock: Clock, owner: str = "compaction") -> Steps:
    return compact_steps(open_store(root), [KEY], MONTHS, owner=owner, clock=clock)


def deletion(root: UPath, clock: Clock, owner: str = "deletion") -> Steps:
    rule = RetentionRule(moment("2026-01-05"))
    return deletion_steps(open_store(root), KEY, rule, owner=owner, clock=clock)


def backfill(root: UPath, clock: Clock, owner: str = "backfill") -> Steps:
    window = CommittedWindow(moment("2026-01-01"), moment("2026-01-31"), "EH-9")
    rows = IncomingRows(tiny_rows(b="2026-01-09", x="2026-01-10", y="2026-01-20"))
    return commit_steps(
        open_store(root), KEY, window, rows, environment="test", owner=owner, moves_watermark=False,
        clock=clock,
    )  # fmt: skip


def finish(steps: Steps) -> None:
    for _ in steps:
        pass


def advanced(steps: Steps, wanted: int) -> bool:
    """Run so many steps; False where there are not as many."""
    return all(next(steps, None) is not None for _ in range(wanted))


def seen(root: UPath) -> str:
    """Give what a reader sees, each number as often as it is there."""
    return "".join(numbers(root))


LEFT = {compaction: "abcxy", deletion: "bcxy"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("keeping", [compaction, deletion])
@pytest.mark.parametrize("wakes", [True, False], ids=["wakes up late", "is dead"])
def test_one_that_stops_anywhere_loses_and_doubles_nothing(make: Make, keeping: Any, wakes: bool) -> None:
    """It stops after a step, a backfill comes, it wakes up or not, and its next try ends the work."""
    for step in range(1, 60, 1 if wakes else 3):
        root, clock = make(str(step)), Clock()
        steps = keeping(root, clock, "asleep")
        there = advanced(steps, step)
        assert seen(root) in {"abc", "bc"}, step
        clock.now += 200
        finish(backfill(root, clock))
        assert seen(root) in {"abcxy", "bcxy"}, step
        if wakes:
            with contextlib.suppress(KsefLeaseError):
                finish(steps)
            assert seen(root) in {"abcxy", "bcxy"}, step
        finish(keeping(root, clock, "next try"))
        assert seen(root) == LEFT[keeping], step
        if not there:
            return
    pytest.fail("never came to an end")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("keeping", [compaction, deletion])
@pytest.mark.parametrize("wakes", [True, False], ids=["wakes up late", "is dead"])
def test_a_commit_that_stops_anywhere_meets_one_at_work(make: Make, keeping: Any, wakes: bool) -> None:
    for step in range(1, 60, 1 if wakes else 3):
        root, clock = make(str(step)), Clock()
        steps = backfill(root, clock, "asleep")
        there = advanced(steps, step)
        clock.now += 200
        finish(keeping(root, clock))
        if wakes:
            with contextlib.suppress(KsefLeaseError):
                finish(steps)
        assert set(seen(root)) >= set("bc"), step
        assert len(set(seen(root))) == len(seen(root)), step
        finish(backfill(root, clock, "next try"))
        finish(keeping(root, clock))
        assert seen(root) == LEFT[keeping], step
        if not there:
            return
    pytest.fail("never came to an end")


def test_an_exchange_that_comes_too_late_is_refused(tmp_path: Path) -> None:
    root, clock = UPath(tmp_path), Clock()
    for day in (1, 2):
        put(root, f"2026-01-0{day}", f"2026-01-0{day + 1}", tiny_rows(**{f"n{day}": f"2026-01-0{day}"}))
    steps = compaction(root, clock, "asleep")
    while next(steps) != "rewrite: checked the lease":
        pass
    clock.now += 200
    finish(backfill(root, clock))
    with pytest.raises(KsefLeaseError, match="month=2026-01"):
        finish(steps)
    assert numbers(root) == ["b", "n1", "n2", "x", "y"]


def test_a_commit_under_way_does_not_bring_back_what_a_rule_has_deleted(make: Make) -> None:
    root, clock = make("x"), Clock()
    finish(deletion(root, clock))
    put(root, "2026-01-01", "2026-01-20", tiny_rows(a="2026-01-02", n="2026-01-06"), moves_watermark=False)
    assert seen(root) == "bcn"
