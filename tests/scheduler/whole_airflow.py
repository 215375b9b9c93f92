"""A whole Airflow: its components as processes that can be killed one by one, and its public API."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.official import CHECKOUT
from tests.scheduler.postgres import Postgres
from tests.scheduler.processes import kill_session
from tests.system.secret_search import private_key_spellings, token_spellings

START_SECONDS = 180
COMPONENTS = ("api-server", "dag-processor", "scheduler", "triggerer")
FINAL = {"success", "failed"}


@dataclass(frozen=True)
class DagRun:
    """
    A run of a DAG.

    :param dag_id: its DAG.
    :param run_id: its own name, which may stand in a file's.
    """

    dag_id: str
    run_id: str


@dataclass
class WholeAirflow:
    """
    An Airflow whose components run.

    :param home: its home, with the logs.
    :param postgres: its database's server.
    :param connections: file with the connections that tests make, read anew for each task.
    :param notes: folder in which tasks note their processes.
    :param sinks: folder for the secrets that tasks make.
    :param scratch: where its processes keep temporary files.
    :param port: of the API.
    :param own: environment variables beside those that every Airflow here has.
    :param secrets: how those of its connections could be written down.
    """

    home: Path
    postgres: Postgres
    connections: Path
    notes: Path
    sinks: Path
    scratch: Path
    port: int
    own: dict[str, str]
    secrets: set[bytes] = field(default_factory=set)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def environment(self) -> dict[str, str]:
        dags = self.home / "dags"
        dags.mkdir(exist_ok=True)
        return {
            **os.environ,
            "AIRFLOW_HOME": str(self.home),
            "PYTHONPATH": str(CHECKOUT),
            "TMPDIR": str(self.scratch),
            "KSEF_TEST_NOTES": str(self.notes),
            "KSEF_TEST_SECRETS": str(self.sinks),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__KSEF__RATE_LIMITER": "sqlite",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.postgres.url,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(self.connections)}),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            # What is dead is missed after seconds, not minutes.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "25",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "25",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
            **self.own,
        }

    def start(self, *components: str) -> None:
        """Start components, all of them where none is named."""
        for component in components or COMPONENTS:
            with (self.home / f"{component}.log").open("ab") as log:
                self.processes[component] = subprocess.Popen(
                    [sys.executable, "-m", "airflow", component, *self._options(component)],
                    env=self.environment,
                    cwd=CHECKOUT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def kill(self, *components: str) -> None:
        """Kill components and all that they have started, at once; all of them where none is named."""
        for component in components or tuple(self.processes):
            process = self.processes.pop(component)
            kill_session(process.pid)
            process.wait()

    def wait_until_ready(self, *dag_ids: str) -> None:
        """Wait until the API answers, the components are well and the DAGs are known."""
        wait_until("Airflow is well", START_SECONDS, lambda: self._is_well() or self._fail_if_ended())
        wait_until("Airflow knows the DAGs", START_SECONDS, lambda: set(dag_ids) <= self.known())

    def known(self) -> set[str]:
        broken = self.rows("SELECT filename, stacktrace FROM import_error")
        assert not broken, "\n".join(f"{file} cannot be imported:\n{trace}" for file, trace in broken)
        return {row[0] for row in self.rows("SELECT dag_id FROM serialized_dag")}

    def connect(self, **connections: str) -> None:
        """Let connections lead where their JSON says, beside those made before."""
        known = json.loads(self.connections.read_text()) if self.connections.exists() else {}
        known |= {name: json.loads(text) for name, text in connections.items()}
        for text in connections.values():
            self.secrets |= secrets_of(text)
        partial = self.connections.with_suffix(".partial.json")
        partial.write_text(json.dumps(known))
        partial.rename(self.connections)

    def wipe_scratch(self) -> None:
        """Take away what a worker leaves on its disk, as another machine does not have it."""
        for file in self.scratch.iterdir():
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    def trigger(self, dag_id: str, **parameters: Any) -> DagRun:
        """Start a run with these parameters."""
        run = DagRun(dag_id, f"test-{secrets.token_hex(4)}")
        body = {"logical_date": None, "dag_run_id": run.run_id, "conf": parameters}
        self.call("POST", f"/dags/{dag_id}/dagRuns", body)
        return run

    def clear(self, run: DagRun, task_id: str) -> None:
        """Clear a task of a run, as the button does."""
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": [task_id],
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.call("POST", f"/dags/{run.dag_id}/clearTaskInstances", body)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the public API."""
        answer = self._api.request(method, f"/api/v2{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Read the database."""
        import psycopg2

        with closing(psycopg2.connect(self.postgres.dsn)) as database, database.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def state(self, run: DagRun) -> str:
        """How the run is."""
        query = "SELECT state FROM dag_run WHERE dag_id = %s AND run_id = %s"
        return str(self.rows(query, run.dag_id, run.run_id)[0][0])

    def tries(self, run: DagRun) -> dict[tuple[str, int], tuple[str | None, int]]:
        """Give state and try number of each task of a run, by its name and map index."""
        query = (
            "SELECT task_id, map_index, state, try_number FROM task_instance "
            "WHERE dag_id = %s AND run_id = %s"
        )
        rows = self.rows(query, run.dag_id, run.run_id)
        return {(task, index): (state, number) for task, index, state, number in rows}

    def task_state(self, run: DagRun) -> str:
        """Give all that the tasks of a run have noted for their next tries."""
        query = "SELECT value FROM task_state_store WHERE dag_id = %s AND run_id = %s"
        return "\n".join(row[0] for row in self.rows(query, run.dag_id, run.run_id))

    def noted_process(self, run: DagRun, task_id: str) -> tuple[int, int]:
        """Give the try and the process that a task has noted last; zeros before the first."""
        note = self.notes / f"{run.run_id}.{task_id}"
        number, pid = note.read_text().split() if note.exists() else (0, 0)
        return int(number), int(pid)

    def wait(self, runs: Sequence[DagRun], seconds: float, meanwhile: Callable[[], object] = bool) -> None:
        """Wait until runs have succeeded."""

        def is_over() -> bool:
            meanwhile()
            states = {run: self.state(run) for run in runs}
            failed = [run for run, state in states.items() if state == "failed"]
            assert not failed, "\n".join(
                f"{run} failed: {self.tries(run)}\n{self.log(run)}" for run in failed
            )
            return set(states.values()) <= FINAL

        wait_until(f"the end of {[run.dag_id for run in runs]}", seconds, is_over)

    def result(self, run: DagRun, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """Give what a task has told."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", f"{path}?map_index={map_index}&deserialize=false&stringify=false")["value"]

    def log(self, run: DagRun) -> str:
        """Give what the tasks of a run have logged."""
        folder = self.home / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
        return "\n".join(f"{file}\n{file.read_text()}" for file in sorted(folder.rglob("*.log")))

    @cached_property
    def _api(self) -> httpx.Client:
        api = httpx.Client(base_url=self.url, timeout=60)
        token = api.get("/auth/token").raise_for_status().json()["access_token"]
        api.headers["Authorization"] = f"Bearer {token}"
        return api

    def _options(self, component: str) -> list[str]:
        return {
            "api-server": ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"],
            "scheduler": ["--skip-serve-logs"],
            "triggerer": ["--skip-serve-logs"],
        }.get(component, [])

    def _is_well(self) -> bool:
        try:
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=10)
        except httpx.TransportError:
            return False
        parts = ("scheduler", "triggerer", "dag_processor")
        return health.is_success and all(health.json()[part]["status"] == "healthy" for part in parts)

    def _fail_if_ended(self) -> bool:
        for component, process in self.processes.items():
            log = self.home / f"{component}.log"
            assert process.poll() is None, f"{component} ended:\n{log.read_text()[-3000:]}"
        return False


def wait_until(what: str, seconds: float, is_so: Callable[[], bool]) -> None:
    """Wait for something that the test's Airflow does by itself."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.3)


def secrets_of(connection: str) -> set[bytes]:
    """Give how the secrets of a connection could be written down."""
    fields = json.loads(connection)
    key = json.loads(fields.get("extra", "{}")).get("private_key")
    token = fields.get("password")
    return (token_spellings(token) if token else set()) | (private_key_spellings(key) if key else set())


def migrate(airflow: WholeAirflow) -> None:
    """Make the tables of Airflow's database."""
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=airflow.environment, cwd=CHECKOUT, check=True, capture_output=True)


def free_port() -> int:
    """Give a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
