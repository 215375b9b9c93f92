"""A task to which KSeF's limits leave no call for long runs again at the true time, in the same try."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.scheduler.begun import begin, check
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240
ASKED = 70
"""Seconds that KSeF asks to wait: more than a worker sits out."""
AT_ONCE = 8


def test_a_task_that_left_its_slot_goes_on_at_the_true_time_and_in_the_same_try(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    begun, started = [], time.time()
    for how in ("in_place", "deferred"):
        emulator = watched("--hwm-lag", "0.2", "--rate-limits", "production")
        too_many = {"status": 429, "headers": {"Retry-After": str(ASKED)}}
        emulator.process.control("faults", method="POST", path="/v2/invoices/exports", times=1, **too_many)
        begun.append(begin(airflow, f"struck_sync_{how}", emulator, tmp_path / how))
    waited: set[str] = set()

    def watch() -> None:
        waited.update(row[0].rpartition(".")[2] for row in airflow.rows("SELECT classpath FROM trigger"))

    airflow.wait([each.run for each in begun], RUN_SECONDS, meanwhile=watch)
    assert time.time() - started >= ASKED
    assert "KsefMomentTrigger" in waited
    for each in begun:
        check(airflow, each)
        assert airflow.tries(each.run) == {("sync", -1): ("success", 1)}
        assert each.emulator.process.requests()["POST /invoices/exports"] == 2
    [(count, dag_id)] = airflow.rows(
        "SELECT count(*), min(ti.dag_id) FROM task_reschedule tr JOIN task_instance ti ON ti.id = tr.ti_id "
        "WHERE ti.run_id IN (%s, %s)",
        *(each.run.run_id for each in begun),
    )
    assert (count, dag_id) == (1, "struck_sync_in_place")


def test_parallel_tasks_of_a_company_are_refused_nothing(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    emulator = watched("--hwm-lag", "0.2", "--rate-limits", "production")
    begun = [
        begin(airflow, f"struck_sync_{how}", emulator, tmp_path / f"{how}-{number}")
        for number in range(AT_ONCE // 2)
        for how in ("in_place", "deferred")
    ]
    airflow.wait([each.run for each in begun], RUN_SECONDS)
    stats = httpx.get(f"{emulator.process.origin}/_emulator/stats").json()
    assert stats["rejected429"] == 0
    assert stats["requests"]["POST /invoices/exports"] == AT_ONCE
    assert [airflow.tries(each.run) for each in begun] == [{("sync", -1): ("success", 1)}] * AT_ONCE
