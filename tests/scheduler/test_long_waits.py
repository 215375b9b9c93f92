"""A task to which KSeF's limits leave no call for long runs again at the true time, in the same try."""

from __future__ import annotations

import pytest

from tests.scheduler.begun import check
from tests.scheduler.begun_early import ASKED, BegunEarly
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240


def test_a_task_that_left_its_slot_goes_on_at_the_true_time_and_in_the_same_try(
    airflow: WholeAirflow, begun_early: BegunEarly
) -> None:
    in_place, deferred = begun_early.left
    airflow.wait([in_place.run, deferred.run], RUN_SECONDS)
    assert ("sync", "up_for_reschedule") in begun_early.waits.of(in_place.run)
    assert ("sync", "KsefMomentTrigger") in begun_early.waits.of(deferred.run)
    for each in begun_early.left:
        check(airflow, each)
        assert airflow.tries(each.run) == {("sync", -1): ("success", 1)}
        assert each.emulator.process.requests()["POST /invoices/exports"] == 2
    runs = [each.run.run_id for each in begun_early.left]
    ends = "SELECT extract(epoch FROM min(end_date)) FROM task_instance WHERE run_id IN (%s, %s)"
    assert float(airflow.rows(ends, *runs)[0][0]) - begun_early.started >= ASKED
    [(count, dag_id)] = airflow.rows(
        "SELECT count(*), min(ti.dag_id) FROM task_reschedule tr JOIN task_instance ti ON ti.id = tr.ti_id "
        "WHERE ti.run_id IN (%s, %s)",
        *runs,
    )
    assert (count, dag_id) == (1, "struck_sync_in_place")
