"""Deferred tasks under a real scheduler with a triggerer, each in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.tables import read
from tests.airflow_database import copy_database
from tests.emulator_process import NIP, TOKEN, EmulatorProcess, start_emulator
from tests.system.conftest import sample_invoices, seed
from tests.system.secret_search import (
    assert_none,
    assert_none_below,
    keys_of,
    spellings,
    token_spellings,
)

pytestmark = pytest.mark.system

DAGS = Path(__file__).parent / "dags" / "ksef_every_way.py"
START_SECONDS = 150
RUN_SECONDS = 120


@dataclass(frozen=True)
class Standalone:
    """
    A whole Airflow.

    :param home: its home, with the SQLite database.
    :param url: its API's.
    """

    home: Path
    url: str

    def trigger(self, dag_id: str, conf: dict[str, str]) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as api:
            token = api.get("/auth/token").raise_for_status().json()["access_token"]
            api.headers["Authorization"] = f"Bearer {token}"
            run = {"logical_date": None, "conf": conf}
            api.post(f"/api/v2/dags/{dag_id}/dagRuns", json=run).raise_for_status()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(
            sqlite3.connect(f"file:{self.home}/airflow.db?mode=ro", uri=True, timeout=30)
        ) as database:
            return database.execute(query).fetchall()

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/version").is_success
        except httpx.TransportError:
            return False

    def knows(self, dag_id: str) -> bool:
        try:
            return bool(self.rows(f"SELECT 1 FROM serialized_dag WHERE dag_id = '{dag_id}'"))
        except sqlite3.OperationalError:
            return False

    def states(self) -> dict[str, str]:
        return {str(dag_id): str(state) for dag_id, state in self.rows("SELECT dag_id, state FROM dag_run")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(what: str, seconds: float, is_so: object) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.5)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the emulator keeps what it was sent."""
    return tmp_path / "emulator.sqlite"


@pytest.fixture
def slow_emulator(state: Path) -> Iterator[EmulatorProcess]:
    """An emulator that takes its time, so that tasks really defer."""
    emulator = start_emulator("--hwm-lag", "0.3", "--delay", "4", "--state", str(state))
    yield emulator
    emulator.stop()


@pytest.fixture
def standalone(tmp_path: Path, run_folder: Path, slow_emulator: EmulatorProcess) -> Iterator[Standalone]:
    port = free_port()
    home = tmp_path / "airflow"
    home.mkdir()
    copy_database(run_folder, home)
    dags = tmp_path / "dags"
    dags.mkdir()
    shutil.copy(DAGS, dags)
    connection = {"conn_type": "ksef", "login": NIP, "password": TOKEN, "host": slow_emulator.url}
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "2",
        # Airflow fails a task that is resumed before its scheduler has seen that it was deferred
        "AIRFLOW__CORE__DEFAULT_TASK_RETRIES": "2",
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW_CONN_KSEF_DEFAULT": json.dumps(connection),
    }
    with (tmp_path / "standalone.log").open("w") as log:
        command = [sys.executable, "-m", "airflow", "standalone"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    airflow = Standalone(home, environment["AIRFLOW__API__BASE_URL"])
    try:
        wait_until("Airflow knows the DAGs", START_SECONDS, lambda: airflow.knows("sync_deferred"))
        wait_until("Airflow's API answers", START_SECONDS, airflow.answers)
        yield airflow
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def test_deferred_tasks_run_to_their_end(
    standalone: Standalone, slow_emulator: EmulatorProcess, state: Path, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    seed(slow_emulator, 40, now - timedelta(days=5), now - timedelta(hours=1))
    outgoing = sample_invoices(tmp_path / "outgoing", count=5)
    tables = tmp_path / "tables"
    sync = {"tables_path": str(tables), "sync_from": str((now - timedelta(days=7)).date())}
    standalone.trigger("sync_deferred", sync)
    standalone.trigger("submit_deferred", {"invoices": str(outgoing), "upo_path": str(tmp_path / "upo")})

    kept: set[str] = set()

    def finished() -> bool:
        kept.update(str(row) for row in standalone.rows("SELECT classpath, kwargs FROM trigger"))
        return {"queued", "running"}.isdisjoint(standalone.states().values())

    wait_until("the runs end", RUN_SECONDS, finished)
    assert standalone.states() == {"sync_deferred": "success", "submit_deferred": "success"}
    assert len(slow_emulator.ksef_numbers(subject_type="Subject1")) == 5
    assert sorted(read("invoices", tables).column("ksef_number").to_pylist()) == sorted(
        slow_emulator.ksef_numbers()
    )
    assert any("KsefExportTrigger" in row for row in kept), "the sync never deferred"
    assert any("KsefSessionTrigger" in row for row in kept), "the submission never deferred"
    keys = keys_of(state)
    assert len(keys) >= 2, "no key was sent: the test proves nothing"
    secrets = token_spellings(TOKEN).union(*map(spellings, keys))
    assert_none(secrets, "a trigger", "\n".join(kept).encode())
    assert_none(secrets, "what was printed", (tmp_path / "standalone.log").read_bytes())
    assert_none_below(secrets, standalone.home)
