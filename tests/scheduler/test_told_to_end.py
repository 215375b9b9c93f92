"""Tasks that are told to end, by SIGTERM or by a user's click, leave no login session in KSeF."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.scheduler.begun import begin, check
from tests.scheduler.watched import WatchedEmulator, WatchedEmulators
from tests.scheduler.whole_airflow import WholeAirflow, wait_until

pytestmark = pytest.mark.system

RUN_SECONDS = 240
STATUS = "GET /sessions/{referenceNumber}"
DATES = {"dateCreated": "2026-09-01T00:00:00Z", "dateUpdated": "2026-09-01T00:00:00Z"}
LOGOUT = "DELETE /auth/sessions/current"


def busy(watched: WatchedEmulators) -> WatchedEmulator:
    """A KSeF that does not finish with a session until the faults that were ordered are forgotten."""
    emulator = watched()
    at_work = {"status": {"code": 150, "description": "Trwa przetwarzanie"}, **DATES}
    emulator.process.control(
        "faults", method="GET", path="^/v2/sessions/[^/]+$", times=9999, status=200, body=at_work
    )
    return emulator


def asks(emulator: WatchedEmulator) -> bool:
    """Whether somebody who is logged in waits for the session."""
    return bool(emulator.process.requests().get(STATUS)) and emulator.logins() == 1


def test_a_task_process_that_is_told_to_end_logs_out_and_its_next_try_goes_on(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    emulator = busy(watched)
    begun = begin(airflow, "struck_submit_in_place", emulator, tmp_path / "files")
    wait_until("the task waits for KSeF", RUN_SECONDS, lambda: asks(emulator))
    number, pid = airflow.noted_process(begun.run, begun.task_id)
    os.kill(pid, signal.SIGTERM)
    wait_until("the process has ended", 30, lambda: not Path(f"/proc/{pid}").exists())
    ended = emulator.process.requests().get(LOGOUT)
    emulator.process.forget_faults()
    airflow.wait([begun.run], RUN_SECONDS)
    assert (number, ended) == (1, 1)
    assert airflow.tries(begun.run) == {(begun.task_id, -1): ("success", 2)}
    assert emulator.logins() == 0
    check(airflow, begun)


def test_a_deferred_task_that_is_marked_as_failed_leaves_no_login_session(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    emulator = busy(watched)
    run = begin(airflow, "struck_submit_deferred", emulator, tmp_path / "files").run
    deferred = {("submit", -1): ("deferred", 1)}
    wait_until("the trigger asks", RUN_SECONDS, lambda: airflow.tries(run) == deferred and asks(emulator))
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/submit"
    airflow.call("PATCH", path, {"new_state": "failed"})
    wait_until("the trigger has logged out", 60, lambda: emulator.logins() == 0)
    assert emulator.process.requests()[LOGOUT] == 2
