"""At whichever step the writer of a snapshot is killed, what lies there is whole, and a retry goes on."""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.tables.audit_snapshots import keep_snapshot, read_snapshot, snapshot_dates
from tests.unit.tables.audit_told import CONTEXT, MONDAY, TOKEN

ROWS = 50
MOST_STEPS = 200
STEPS = {"open", "write", "fsync", "close", "__exit__", "link", "mkdir", "rename", "replace", "unlink"}
"""The functions of the interpreter that change files, or may."""

pytestmark = pytest.mark.kills


def keep(root: Path, number: int) -> None:
    """Write the day's snapshot: as many tokens as ever, all with the number in their description."""
    told = [
        {**TOKEN, "referenceNumber": f"T{each}", "description": f"snapshot {number}"} for each in range(ROWS)
    ]
    moment = MONDAY + timedelta(seconds=number)
    keep_snapshot(UPath(root), CONTEXT, "tokens", {"tokens": told}, taken_at=moment, environment="test")


def keep_and_die(root: Path, number: int, step: int) -> None:
    """Write a snapshot, and be killed where the given step is about to be taken."""
    left = step

    def strike(_frame: FrameType, event: str, called: Any) -> None:
        nonlocal left
        if event == "c_call" and called.__name__ in STEPS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(strike)
    keep(root, number)
    sys.setprofile(None)


def kept(root: Path) -> set[str]:
    """Give which snapshot lies there; it is whole."""
    days = snapshot_dates(UPath(root), CONTEXT, "tokens")
    rows = [row for day in days for row in read_snapshot(UPath(root), CONTEXT, "tokens", day)]
    assert len(rows) == ROWS * len(days)
    return {row["description"] for row in rows}


@pytest.mark.parametrize("before", [1, pytest.param(None, marks=pytest.mark.crash)])
def test_a_killed_writer_leaves_a_whole_snapshot(
    processes: ForkServerContext, tmp_path: Path, before: int | None
) -> None:
    for step in range(MOST_STEPS):
        root = tmp_path / str(step)
        if before is not None:
            keep(root, before)
        old = kept(root)
        writer = processes.Process(target=keep_and_die, args=(root, 2, step))
        writer.start()
        writer.join()
        if writer.exitcode == 0:
            break
        assert writer.exitcode == -signal.SIGKILL
        assert kept(root) in (old, {"snapshot 2"})
        keep(root, 3)
        assert kept(root) == {"snapshot 3"}
    assert 5 < step < MOST_STEPS - 1
    assert kept(root) == {"snapshot 2"}
