"""One Airflow for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.emulator_process import NIP, EmulatorProcess, start_emulator
from tests.official import CHECKOUT
from tests.scheduler import postgres
from tests.scheduler.watched import WatchedEmulator, token_of
from tests.scheduler.whole_airflow import WholeAirflow, free_port, migrate

SECRETS = "test_no_secret_left.py"
EVERY_WAY = CHECKOUT / "tests" / "system" / "dags" / "ksef_every_way.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Look for secrets when all that could leave some is done."""
    items.sort(key=lambda item: item.path.name == SECRETS)


@pytest.fixture(scope="session")
def states() -> list[Path]:
    """The state of each emulator that was begun so far, with every key that it was sent."""
    return []


@pytest.fixture(scope="session")
def default_emulator(
    states: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmulatorProcess]:
    """The emulator behind ``ksef_default``, which takes its time, so that tasks really wait."""
    states.append(tmp_path_factory.mktemp("emulator") / "state.sqlite")
    emulator = start_emulator("--hwm-lag", "0.3", "--delay", "4", "--state", str(states[-1]))
    yield emulator
    emulator.stop()


@pytest.fixture
def watched(
    airflow: WholeAirflow, states: list[Path], tmp_path: Path
) -> Iterator[Callable[..., WatchedEmulator]]:
    """Start emulators with options of one's own and connections that lead to them."""
    started: list[WatchedEmulator] = []

    def start(*options: str, nip: str = NIP) -> WatchedEmulator:
        conn_id = f"ksef_{len(states)}"
        states.append(tmp_path / f"{conn_id}.sqlite")
        process = start_emulator("--state", str(states[-1]), *options, nip=nip, token=token_of(nip))
        started.append(WatchedEmulator(conn_id, process, states[-1]))
        airflow.connect(**{conn_id: process.connection(login=nip, password=token_of(nip))})
        return started[-1]

    yield start
    for emulator in started:
        emulator.process.stop()


@pytest.fixture(scope="session")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, default_emulator: EmulatorProcess
) -> Iterator[WholeAirflow]:
    """An Airflow on PostgreSQL with all its components, and the DAGs of this folder."""
    if reason := postgres.why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("airflow")
    server = postgres.start_postgres()
    airflow = WholeAirflow(
        home=_folder(folder / "home"),
        postgres=server,
        connections=_folder(folder / "secrets") / "connections.json",
        notes=_folder(folder / "notes"),
        scratch=_folder(folder / "scratch"),
        port=free_port(),
        own={
            "AIRFLOW_CONN_KSEF_DEFAULT": default_emulator.connection(),
            "AIRFLOW__KSEF__RATE_LIMITER": "sqlite",
            "AIRFLOW__KSEF__RATE_LIMITER_PATH": str(folder / "turns.sqlite"),
        },
    )
    airflow.connect(ksef_0=default_emulator.connection())
    try:
        dags = airflow.home / "dags"
        dags.mkdir()
        for file in (EVERY_WAY, *Path(__file__).parent.glob("dags/*.py")):
            shutil.copy(file, dags)
        migrate(airflow)
        airflow.start()
        airflow.wait_until_ready("sync_deferred")
        yield airflow
    finally:
        airflow.kill()
        server.stop()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
