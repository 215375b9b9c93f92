"""SIGKILL to task processes: the next try goes on, nothing is done twice, nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.scheduler import begun, managed
from tests.scheduler.begun_early import BegunEarly
from tests.scheduler.striking import Striker
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240


def wait(airflow: WholeAirflow, strikers: Sequence[Striker]) -> None:
    """Wait for what is struck; a try that does not come to the step planned for it is left alone."""
    try:
        airflow.wait([striker.begun.run for striker in strikers], RUN_SECONDS)
    finally:
        for striker in strikers:
            striker.end()
    struck = [striker.struck for striker in strikers]
    assert all(struck), struck


def test_killed_tasks_send_nothing_twice_and_lose_nothing(
    airflow: WholeAirflow, begun_early: BegunEarly
) -> None:
    wait(airflow, begun_early.struck)
    planned = sum(len(striker.plan) for striker in begun_early.struck)
    assert sum(len(striker.struck) for striker in begun_early.struck) >= 0.5 * planned
    for striker in begun_early.struck:
        begun.check(airflow, striker.begun, striker.lost)


def test_killed_tasks_leave_each_permission_once_and_one_credential_that_is_kept(
    airflow: WholeAirflow, begun_early: BegunEarly
) -> None:
    wait(airflow, begun_early.managing)
    for striker in begun_early.managing:
        managed.check(airflow, striker.begun)
