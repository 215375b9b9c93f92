"""The triggerer dies, and a whole machine with scheduler, triggerer, tasks and disk: others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_ksef.tables.moments import parse_ticks
from tests.emulator_process import NIP
from tests.scheduler import arrivals
from tests.scheduler.begun import Begun, begin, check
from tests.scheduler.watched import WatchedEmulators, token_of
from tests.scheduler.whole_airflow import WholeAirflow, wait_until

pytestmark = pytest.mark.system

RUN_SECONDS = 240
WAIT_SECONDS = 90
SLOW = ("--hwm-lag", "0.2", "--delay", "8")


def test_what_waits_survives_its_triggerer(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    emulator = watched("--hwm-lag", "0.2").process
    airflow.connect(**{arrivals.WATCHED: emulator.connection(password=token_of(NIP))})
    arrivals.receive(emulator, 5)
    wait_until("the first event", WAIT_SECONDS, lambda: len(arrivals.told(airflow)) == 1)
    end = arrivals.end_of(arrivals.told(airflow)[0])
    wait_until("its end is kept", WAIT_SECONDS, lambda: arrivals.position(airflow) >= end)
    dags = ("struck_submit_deferred", "struck_sync_deferred")
    runs = [begin(airflow, dag_id, watched(*SLOW), tmp_path / dag_id) for dag_id in dags]
    wait_until("the tasks defer", WAIT_SECONDS, lambda: all(is_deferred(airflow, begun) for begun in runs))

    airflow.kill("triggerer")
    arrivals.receive(emulator, 7)
    airflow.start("triggerer")

    airflow.wait([begun.run for begun in runs], RUN_SECONDS)
    for begun in runs:
        check(airflow, begun)
        assert airflow.tries(begun.run) == {(begun.task_id, -1): ("success", 1)}
    wait_until("the second event", WAIT_SECONDS, lambda: len(arrivals.told(airflow)) == 2)
    first, second = arrivals.told(airflow)
    assert parse_ticks(second["from"]) >= arrivals.end_of(first)
    assert (len(first["ksef_numbers"]), len(second["ksef_numbers"])) == (5, 7)
    assert sorted(first["ksef_numbers"] + second["ksef_numbers"]) == sorted(emulator.ksef_numbers())
    wait_until("the DAG runs for both", WAIT_SECONDS, lambda: arrivals.is_all_handed_over(airflow))


def test_what_a_dead_machine_was_doing_is_gone_on_with_elsewhere(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    dags = ("struck_submit_in_place", "struck_sync_in_place")
    runs = [begin(airflow, dag_id, watched(*SLOW), tmp_path / dag_id) for dag_id in dags]
    wait_until("the tasks wait", WAIT_SECONDS, lambda: all(is_noted(airflow, begun) for begun in runs))
    airflow.kill("scheduler", "triggerer")
    airflow.wipe_scratch()
    airflow.start("scheduler", "triggerer")
    airflow.wait([begun.run for begun in runs], RUN_SECONDS)
    for begun in runs:
        check(airflow, begun)
        assert airflow.tries(begun.run)[begun.task_id, -1][1] > 1


def is_deferred(airflow: WholeAirflow, begun: Begun) -> bool:
    """Whether the triggerer has taken the task over."""
    query = (
        "SELECT triggerer_id FROM task_instance JOIN trigger ON trigger.id = trigger_id "
        "WHERE dag_id = %s AND run_id = %s AND task_instance.state = 'deferred'"
    )
    rows = airflow.rows(query, begun.run.dag_id, begun.run.run_id)
    return bool(rows) and rows[0][0] is not None


def is_noted(airflow: WholeAirflow, begun: Begun) -> bool:
    """Whether the task has noted what KSeF is doing for it."""
    return bool(airflow.task_state(begun.run))
