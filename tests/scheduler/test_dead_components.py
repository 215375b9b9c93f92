"""The triggerer dies, and a whole machine with scheduler, triggerer, tasks and disk: others go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scheduler.begun import Begun, begin, check
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow, wait_until

pytestmark = pytest.mark.system

RUN_SECONDS = 200
SLOW = ("--hwm-lag", "0.2", "--delay", "8")


def test_what_is_deferred_survives_its_triggerer_and_costs_no_try(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    dags = ("struck_submit_deferred", "struck_sync_deferred")
    runs = [begin(airflow, dag_id, watched(*SLOW), tmp_path / dag_id) for dag_id in dags]
    wait_until("the tasks are deferred", 60, lambda: all(is_deferred(airflow, begun) for begun in runs))
    airflow.kill("triggerer")
    airflow.start("triggerer")
    airflow.wait([begun.run for begun in runs], RUN_SECONDS)
    for begun in runs:
        check(airflow, begun)
        assert airflow.tries(begun.run) == {(begun.task_id, -1): ("success", 1)}


def test_what_a_dead_machine_was_doing_is_gone_on_with_elsewhere(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    dags = ("struck_submit_in_place", "struck_sync_in_place")
    runs = [begin(airflow, dag_id, watched(*SLOW), tmp_path / dag_id) for dag_id in dags]
    wait_until("the tasks wait", 60, lambda: all(is_noted(airflow, begun) for begun in runs))
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
