"""A submission that succeeded is cleared: it is told again, and sent again only where that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator_process import NIP
from tests.scheduler.begun import Begun, begin, check
from tests.scheduler.watched import WatchedEmulator, WatchedEmulators, token_of
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240


def run_twice(airflow: WholeAirflow, begun: Begun) -> None:
    """Wait for a run, clear its task, and wait again."""
    airflow.wait([begun.run], RUN_SECONDS)
    airflow.clear(begun.run, begun.task_id)
    airflow.wait([begun.run], RUN_SECONDS)
    assert airflow.tries(begun.run)[begun.task_id, -1] == ("success", 2)


def test_a_cleared_submission_is_not_sent_again(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    begun = begin(airflow, "struck_submit_in_place", watched(), tmp_path / "outgoing")
    run_twice(airflow, begun)
    check(airflow, begun)


def test_one_that_is_not_durable_is_sent_again_and_refused_as_a_duplicate(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    begun = begin(airflow, "cleared_submit", watched(), tmp_path / "outgoing")
    run_twice(airflow, begun)
    assert [is_closed for _, is_closed in begun.emulator.sessions()] == [True, True]
    assert set(begun.emulator.arrivals().values()) == {2}
    assert len(begun.emulator.process.ksef_numbers(subject_type="Subject1")) == len(begun.emulator.arrivals())


def test_a_connection_may_stand_in_the_database(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    emulator = watched()
    kept = WatchedEmulator("kept_in_database", emulator.process, emulator.state)
    connection = {"connection_id": kept.conn_id, "conn_type": "ksef", "login": NIP, "password": token_of(NIP)}
    extra = json.dumps({"environment": "test", "timeout": 30})
    airflow.call("POST", "/connections", {**connection, "host": emulator.process.url, "extra": extra})
    begun = begin(airflow, "struck_submit_in_place", kept, tmp_path / "outgoing")
    airflow.wait([begun.run], RUN_SECONDS)
    check(airflow, begun)
