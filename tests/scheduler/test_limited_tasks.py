"""Eight tasks of one company share its limits: no call is refused, long waits take no slot and no try."""

from __future__ import annotations

import httpx
import pytest

from airflow_provider_ksef.tables import read
from tests.scheduler.begun_early import BegunEarly
from tests.scheduler.limited import EXPORTS_EACH, TASKS
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240


def test_parallel_tasks_share_the_limits_and_leave_their_slots(
    airflow: WholeAirflow, begun_early: BegunEarly
) -> None:
    limited = begun_early.limited
    airflow.wait([limited.run], RUN_SECONDS)
    assert begun_early.waits.of(limited.run) >= {("sync", "KsefMomentTrigger"), ("sync", "up_for_reschedule")}
    stats = httpx.get(f"{limited.emulator.process.origin}/_emulator/stats", timeout=60).json()
    assert stats["rejected429"] == 0
    assert len(limited.emulator.exports()) == TASKS * EXPORTS_EACH
    truth = sorted(limited.emulator.process.ksef_numbers())
    for number, path in enumerate(limited.tables):
        assert sorted(read("invoices", path).column("ksef_number").to_pylist()) == truth
        assert airflow.result(limited.run, "sync", number)["rows"] == len(truth)
    tries = [number for (task, _), (_, number) in airflow.tries(limited.run).items() if task == "sync"]
    assert tries == [1] * TASKS
