"""A sync and a backfill as real processes on one folder, killed at random instants until both are done."""

from __future__ import annotations

import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.tables import lease
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

RUNS = 5
KILLS = 25
CAP = 7
FIRST = parse_ticks("2026-01-25T00:00:00Z")
HOUR = 3600 * 10_000_000
# three invoices at each instant, over the end of a month
TRUTH = {f"N{number:03d}": FIRST + (number // 3 + 1) * 9 * HOUR for number in range(90)}
HWM = format_ticks(max(TRUTH.values()) + HOUR)


def commit_next(root: UPath, key: TableKey, start: str, owner: str, *, moves_watermark: bool) -> str:
    """Export a window that KSeF truncates, commit it, and give where it ended."""
    left = sorted((ticks, number) for number, ticks in TRUTH.items() if ticks >= parse_ticks(start))
    end = format_ticks(left[CAP - 1][0]) if len(left) > CAP else HWM
    stored = {number: format_ticks(ticks)[:26] for ticks, number in left[:CAP]}
    put(
        root, start, end, tiny_rows(**stored), key=key, owner=owner, moves_watermark=moves_watermark,
        reference=f"EH-{random.randrange(10**9)}",
    )  # fmt: skip
    return end


def write(folder: str, owner: str) -> None:
    """Do what a task does: go on until everything is there; errors end a try as they end a task's."""
    lease.PAUSE_SECONDS, lease.LEASE_SECONDS = 0.01, 1.0
    root, position = UPath(folder), format_ticks(FIRST)
    is_sync = owner.startswith("sync")
    while position != HWM:
        if is_sync:
            watermark = read_watermark(root, KEY)
            position = watermark.position if watermark else position
            if position == HWM:
                break
        try:
            position = commit_next(root, KEY, position, owner, moves_watermark=is_sync)
        except KsefError:
            raise SystemExit(1) from None


def start(folder: Path, owner: str) -> BaseProcess:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    process = processes.Process(target=write, args=(str(folder), owner))
    process.start()
    return process


@pytest.mark.parametrize("seed", range(RUNS))
def test_killed_processes_lose_and_double_nothing(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    owners = ["sync", "sync-of-another-run", "backfill"]
    running = {owner: start(tmp_path, owner) for owner in owners}
    kills, deadline = KILLS, time.monotonic() + 30
    while running:
        assert time.monotonic() < deadline
        time.sleep(rng.uniform(0, 0.05))
        owner = rng.choice(list(running))
        process = running[owner]
        if kills:
            process.kill()
            kills -= 1
        elif process.is_alive():
            continue
        process.join(5)
        del running[owner]
        if process.exitcode != 0:
            running[owner] = start(tmp_path, owner)
    assert numbers(UPath(tmp_path)) == sorted(TRUTH)
    watermark = read_watermark(UPath(tmp_path), KEY)
    assert watermark is not None
    assert watermark.position == HWM
