"""Deferred tasks go through the database and the triggerer to their end, on their first try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.tables import read
from tests.emulator_process import EmulatorProcess
from tests.scheduler.begun import begin
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow
from tests.system.conftest import sample_invoices, seed

pytestmark = pytest.mark.system

RUN_SECONDS = 150
AT_ONCE = 8


def test_deferred_tasks_run_to_their_end(
    airflow: WholeAirflow, default_emulator: EmulatorProcess, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    seed(default_emulator, 40, now - timedelta(days=5), now - timedelta(hours=1))
    outgoing = sample_invoices(tmp_path / "outgoing", count=5)
    tables = tmp_path / "tables"
    sync = {"tables_path": str(tables), "sync_from": str((now - timedelta(days=7)).date())}
    runs = [
        airflow.trigger("sync_deferred", **sync),
        airflow.trigger("submit_deferred", invoices=str(outgoing), upo_path=str(tmp_path / "upo")),
    ]
    waited: set[str] = set()

    def watch() -> None:
        waited.update(row[0].rpartition(".")[2] for row in airflow.rows("SELECT classpath FROM trigger"))

    airflow.wait(runs, RUN_SECONDS, meanwhile=watch)
    assert waited >= {"KsefExportTrigger", "KsefSessionTrigger"}
    assert len(default_emulator.ksef_numbers(subject_type="Subject1")) == 5
    stored = read("invoices", tables).column("ksef_number").to_pylist()
    assert sorted(stored) == sorted(default_emulator.ksef_numbers())


def test_what_is_soon_ready_is_not_resumed_before_the_scheduler_has_seen_the_deferral(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    """Without the triggers' first pause the scheduler fails one try in six of these."""
    emulators = [watched("--hwm-lag", "0.2", "--delay", "2.5") for _ in range(2)]
    begun = [
        begin(airflow, "struck_sync_deferred", emulator, tmp_path / f"{emulator.conn_id}-{number}")
        for emulator in emulators
        for number in range(AT_ONCE // 2)
    ]
    airflow.wait([each.run for each in begun], RUN_SECONDS)
    assert [airflow.tries(each.run) for each in begun] == [{("sync", -1): ("success", 1)}] * AT_ONCE
