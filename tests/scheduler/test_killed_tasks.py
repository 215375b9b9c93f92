"""SIGKILL to task processes: the next try goes on, nothing is sent twice, no export is begun in vain."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scheduler.begun import begin, check
from tests.scheduler.striking import EXPORT, Striker
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 200
LOGIN = ("POST", "^/v2/auth/challenge$")
OPEN = ("POST", "^/v2/sessions/batch$")
PUT = ("PUT", "^/storage/")
CLOSE = ("POST", "^/v2/sessions/batch/[^/]+/close$")
STATUS = ("GET", "^/v2/sessions/[^/]+$")
PACKAGE = ("GET", "^/storage/")
PLANS = (
    ("struck_submit_in_place", (LOGIN, OPEN, PUT, CLOSE, STATUS)),
    ("struck_submit_in_place", (OPEN, PUT, PUT, CLOSE, CLOSE)),
    ("struck_sync_in_place", (EXPORT, EXPORT, PACKAGE, LOGIN, EXPORT)),
    ("struck_sync_in_place", (EXPORT, PACKAGE, EXPORT, PACKAGE, EXPORT)),
)
LEAST_STRIKES = 12
"""Of all 20: a try that does not come to the step planned for it is left alone."""


def test_killed_tasks_send_nothing_twice_and_lose_nothing(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    strikers = []
    for number, (dag_id, plan) in enumerate(PLANS):
        emulator = watched("--hwm-lag", "0.2", "--delay", "0.7", "--export-cap", "100")
        begun = begin(airflow, dag_id, emulator, tmp_path / f"files-{number}")
        strikers.append(Striker(airflow, begun, plan, random.Random(f"{dag_id} {number}")))
        strikers[-1].start()
    try:
        airflow.wait([striker.begun.run for striker in strikers], RUN_SECONDS)
    finally:
        for striker in strikers:
            striker.end()
    struck = [striker.struck for striker in strikers]
    assert all(struck), struck
    assert sum(map(len, struck)) >= LEAST_STRIKES, struck
    for striker in strikers:
        check(airflow, striker.begun, striker.lost)
