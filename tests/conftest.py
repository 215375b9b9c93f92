"""What every test may ask for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.emulator_process import EmulatorProcess, start_emulator

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED_KSEF = CHECKOUT.parent / "shared" / "ksef"


AIRFLOW_HOME = tempfile.TemporaryDirectory(prefix="ksef-tests-airflow-")
# Here and not in a hook: a conftest below this one imports Airflow, which reads its home once.
os.environ.update(
    AIRFLOW_HOME=AIRFLOW_HOME.name,
    AIRFLOW__CORE__DAGS_FOLDER=f"{AIRFLOW_HOME.name}/dags",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    AWS_EC2_METADATA_DISABLED="true",
)


# A slow machine fails no test; CI looks at the same examples each time, so that it does not depend on luck.
hypothesis.settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("steady")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    AIRFLOW_HOME.cleanup()


@pytest.fixture(scope="session")
def shared_ksef() -> Path:
    """The folder of official KSeF material beside the checkout."""
    if not SHARED_KSEF.is_dir():
        pytest.skip(f"the official KSeF material is not at {SHARED_KSEF}")
    return SHARED_KSEF


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The home of an Airflow whose database is ready and whose DAGs are the examples and those of tests."""
    home = Path(AIRFLOW_HOME.name)
    (home / "dags").mkdir()
    for file in (*CHECKOUT.glob("example_dags/*.py"), *CHECKOUT.glob("tests/system/dags/*.py")):
        shutil.copy(file, home / "dags")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    return home


@pytest.fixture(scope="session")
def _shared_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator()
    yield emulator
    emulator.stop()


@pytest.fixture
def emulator(_shared_emulator: EmulatorProcess) -> EmulatorProcess:
    """An emulator as it was just after its start."""
    _shared_emulator.control("reset")
    return _shared_emulator


@pytest.fixture
def emulators() -> Iterator[Callable[..., EmulatorProcess]]:
    """Start emulators with options of one's own; they are stopped after the test."""
    started: list[EmulatorProcess] = []

    def start(*arguments: str, **identity: str) -> EmulatorProcess:
        started.append(start_emulator(*arguments, **identity))
        return started[-1]

    yield start
    for process in started:
        process.stop()
