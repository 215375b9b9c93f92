"""An Airflow's database that is ready: made once per run, copied for each Airflow."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAME = "airflow.db"


def copy_database(folder: Path, home: Path) -> None:
    """
    Give an Airflow its database.

    :param folder: where the one to copy lies or will lie, for all processes of the test run.
    :param home: the home of the Airflow.
    """
    template = folder / NAME
    with (folder / f"{NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            _make(folder / f"{NAME}.partial").rename(template)
    shutil.copy(template, home / NAME)


def _make(file: Path) -> Path:
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{file}"}
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return file
