"""An Airflow of which only the pages and the API run, with a finished DAG run to look at."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.official import CHECKOUT

START_SECONDS = 120


@dataclass
class AirflowPages:
    """
    An API server on SQLite.

    :param home: its home, with the database.
    :param port: of the pages and the API.
    """

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PYTHONPATH": str(CHECKOUT),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API__BASE_URL": self.url,
        }

    def run(self, *arguments: str, **environment: str) -> None:
        """Run a command of Airflow's."""
        command = [sys.executable, "-m", "airflow", *arguments]
        surroundings = {**self.environment, **environment}
        subprocess.run(command, env=surroundings, cwd=CHECKOUT, check=True, capture_output=True, timeout=240)

    def run_example(self, name: str, connection: str, conf: dict[str, Any]) -> None:
        """Run an example DAG to its end; its run then stands in the database."""
        (self.home / "dags").mkdir()
        shutil.copy(CHECKOUT / f"example_dags/{name}.py", self.home / "dags")
        self.run("dags", "reserialize")
        self.run("dags", "test", name, "-c", json.dumps(conf), AIRFLOW_CONN_KSEF_DEFAULT=connection)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1"]
        with (self.home / "api-server.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--port", str(self.port), "--workers", "1"],
                env=self.environment,
                cwd=CHECKOUT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                stop(process)
                raise AssertionError((self.home / "api-server.log").read_text()[-3000:])
            time.sleep(0.3)
        return process

    def stored_connection(self, conn_id: str) -> str:
        """Give what the REST API tells of a connection."""
        with httpx.Client(base_url=self.url, timeout=60) as api:
            token = api.get("/auth/token").raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            return api.get(f"/api/v2/connections/{conn_id}", headers=headers).raise_for_status().text

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/version", timeout=10).is_success
        except httpx.TransportError:
            return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and what it has started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """Give a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
