"""The demo's Airflow: a home of its own, and DAG runs in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from example_dags.demo.console import say

CHECKOUT = Path(__file__).resolve().parents[2]
OWN_LINE = re.compile(r"\[(?:info|warning|error)\s*\] (?P<said>.*) \[[\w.]*airflow_provider_ksef[\w.]*\]")
LINE_LENGTH = 150
PATIENCE_SECONDS = 5
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class DemoAirflow:
    """
    An Airflow for the demo only.

    :param home: its ``AIRFLOW_HOME``; logs go to ``logs`` below it.
    :param connection: the connection ``ksef_default``.
    """

    home: Path
    connection: dict[str, Any]

    def prepare(self) -> None:
        """Make Airflow's database."""
        self.home.mkdir(parents=True)
        self._run("airflow-db-migrate", [sys.executable, "-m", "airflow", "db", "migrate"])

    def run(self, dag_id: str, task_id: str, conf: dict[str, Any], log_name: str) -> dict[str, Any]:
        """Run an example DAG and give what its task returned."""
        result = self.home / f"{log_name}.json"
        command = [sys.executable, "-m", "example_dags.demo.run_dag", dag_id, task_id]
        self._run(log_name, [*command, json.dumps(conf), str(result)])
        returned: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return returned

    def _run(self, log_name: str, command: list[str]) -> None:
        log = self.home / f"{log_name}.log"
        with (
            log.open("w", encoding="utf-8") as copy,
            subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    copy.write(line)
                    _echo(line)
            finally:
                _end(process)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command[:4])} failed, see {log}")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return {
            **kept,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(CHECKOUT / "example_dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_KSEF_DEFAULT": json.dumps(self.connection),
            "PYTHONUNBUFFERED": "1",
        }


def _end(process: subprocess.Popen[str]) -> None:
    """Stop a run that goes on, whatever it is doing."""
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _echo(line: str) -> None:
    """Show what our own code logs; all of it is in the log file."""
    own = OWN_LINE.search(COLOURS.sub("", line))
    if own is not None:
        say(f"    | {textwrap.shorten(own['said'], LINE_LENGTH, placeholder=' ...')}")
