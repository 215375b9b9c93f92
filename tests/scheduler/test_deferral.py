"""Deferred tasks go through the database and the triggerer to their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.tables import read
from tests.emulator_process import EmulatorProcess
from tests.scheduler.whole_airflow import WholeAirflow
from tests.system.conftest import sample_invoices, seed

pytestmark = pytest.mark.system

RUN_SECONDS = 120


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
