"""Eight tasks of one company share its limits: no call is refused, long waits take no slot and no try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.tables import read
from tests.emulator.peer import Peer
from tests.emulator.test_rate_limits import ten_times
from tests.emulator_process import NIP, EmulatorProcess
from tests.scheduler.watched import WatchedEmulator, token_of
from tests.scheduler.whole_airflow import WholeAirflow
from tests.system.conftest import seed

pytestmark = pytest.mark.system

TASKS = 8
EXPORTS_EACH = 2
RUN_SECONDS = 200


def test_parallel_tasks_share_the_limits_and_leave_their_slots(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator], tmp_path: Path
) -> None:
    emulator = watched("--hwm-lag", "0.2", "--export-cap", "100")
    allow_exports(emulator.process, per_minute=10)
    now = datetime.now(UTC)
    seed(emulator.process, 150, now - timedelta(days=5), now - timedelta(hours=1))
    tables = [str(tmp_path / f"tables-{number}") for number in range(TASKS)]
    sync_from = str((now - timedelta(days=7)).date())
    run = airflow.trigger("limited_sync", conn=emulator.conn_id, sync_from=sync_from, tables=tables)
    left: set[str] = set()

    def watch() -> None:
        states = "SELECT state FROM task_instance WHERE run_id = %s AND task_id = 'sync'"
        left.update(row[0] for row in airflow.rows(states, run.run_id) if row[0])

    airflow.wait([run], RUN_SECONDS, meanwhile=watch)
    assert {"deferred", "up_for_reschedule"} <= left
    stats = httpx.get(f"{emulator.process.origin}/_emulator/stats", timeout=60).json()
    assert stats["rejected429"] == 0
    assert len(emulator.exports()) == TASKS * EXPORTS_EACH
    truth = sorted(emulator.process.ksef_numbers())
    for number, path in enumerate(tables):
        assert sorted(read("invoices", path).column("ksef_number").to_pylist()) == truth
        assert airflow.result(run, "sync", number)["rows"] == len(truth)
    tries = [number for (task, _), (_, number) in airflow.tries(run).items() if task == "sync"]
    assert tries == [1] * TASKS


def allow_exports(emulator: EmulatorProcess, per_minute: int) -> None:
    """Let KSeF take as many calls as it ever does, but so few exports."""
    peer = Peer(emulator)
    peer.log_in(token_of(NIP))
    body = ten_times(invoiceExport=(8, per_minute, 100))
    peer.http.post("/testdata/rate-limits", json=body).raise_for_status()
