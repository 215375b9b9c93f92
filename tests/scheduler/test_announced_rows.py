"""New rows of a sync run another DAG, and each row is announced once, though the sync is killed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.tables import read
from tests.scheduler.begun import Begun
from tests.scheduler.striking import EXPORT, Striker
from tests.scheduler.watched import WatchedEmulators
from tests.scheduler.whole_airflow import DagRun, WholeAirflow, wait_until

pytestmark = pytest.mark.system

RUN_SECONDS = 240
NIP = "5265877635"
PACKAGE = ("GET", "^/storage/")


def test_new_rows_run_another_dag_and_each_is_announced_once(
    airflow: WholeAirflow, watched: WatchedEmulators, tmp_path: Path
) -> None:
    emulator = watched("--hwm-lag", "0.2", "--export-cap", "100", nip=NIP)
    tables, now = tmp_path / "tables", datetime.now(UTC)
    given = {"tables_path": str(tables), "sync_from": str((now - timedelta(days=7)).date())}

    def synchronise(*plan: tuple[str, str]) -> None:
        run = airflow.trigger("announced_sync", conn=emulator.conn_id, **given)
        striker = Striker(airflow, Begun(run, "sync", emulator, tables), plan, random.Random("announced"))
        striker.start()
        airflow.wait([run], RUN_SECONDS)
        striker.end()
        assert bool(striker.struck) == bool(plan)

    def receive(count: int, first: datetime, last: datetime) -> None:
        period = {"from": first.isoformat(), "to": last.isoformat()}
        emulator.process.control("seed", nip=NIP, subjectType="Subject2", count=count, seed=count, **period)

    receive(250, now - timedelta(days=5), now - timedelta(hours=1))
    synchronise(PACKAGE, EXPORT)
    synchronise()
    receive(30, datetime.now(UTC), datetime.now(UTC))
    synchronise()
    wait_until("the other DAG has run", 60, lambda: rows_told(airflow) == 280)
    told = sorted(events(airflow), key=lambda event: event["watermark"])
    assert told[-1]["rows"] == 30
    starts = [event["window"]["from"] for event in told]
    assert starts == [None, *(event["watermark"] for event in told[:-1])]
    assert read("invoices", tables).num_rows == 280


def events(airflow: WholeAirflow) -> list[dict[str, Any]]:
    """Give what the other DAG's runs were begun for."""
    runs = airflow.rows("SELECT run_id FROM dag_run WHERE dag_id = 'announced_book' AND state = 'success'")
    return [event for (run_id,) in runs for event in airflow.result(DagRun("announced_book", run_id), "book")]


def rows_told(airflow: WholeAirflow) -> int:
    """Count the rows that the other DAG was told of."""
    return sum(event["rows"] for event in events(airflow))
