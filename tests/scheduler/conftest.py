"""One Airflow for all tests of this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator_process import EmulatorProcess, start_emulator
from tests.official import CHECKOUT
from tests.scheduler import postgres
from tests.scheduler.begun_early import BegunEarly, begin_early
from tests.scheduler.waits_seen import WaitsSeen
from tests.scheduler.watched import WatchedEmulators
from tests.scheduler.whole_airflow import WholeAirflow, free_port, migrate

EVERY_WAY = CHECKOUT / "tests" / "system" / "dags" / "ksef_every_way.py"
LAST = ("test_dead_components.py", "test_no_secret_left.py")
"""They kill what the others need, and look for what the others may have left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with Airflow and what is short, while what was begun early goes on."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.name in LAST:
        return 3 + LAST.index(item.path.name)
    if "begun_early" in getattr(item, "fixturenames", ()):
        return 2
    return 0 if item.path.parent == Path(__file__).parent else 1


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
def watched(airflow: WholeAirflow, states: list[Path], tmp_path: Path) -> Iterator[WatchedEmulators]:
    """Start emulators with options of one's own and connections that lead to them."""
    emulators = WatchedEmulators(airflow, states, tmp_path)
    yield emulators
    emulators.stop()


@pytest.fixture(scope="session")
def begun_early(
    airflow: WholeAirflow, states: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BegunEarly]:
    """What takes a minute and more, by itself and unwatched."""
    folder = tmp_path_factory.mktemp("begun-early")
    emulators = WatchedEmulators(airflow, states, folder)
    waits = WaitsSeen(airflow)
    waits.start()
    yield begin_early(airflow, emulators, folder, waits)
    waits.end()
    emulators.stop()


@pytest.fixture(scope="session", autouse=True)
def _begin_early(request: pytest.FixtureRequest) -> None:
    """Let that go on beside the first tests, where any test of this run looks at it."""
    if any("begun_early" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("begun_early")


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
        sinks=_folder(folder / "sinks"),
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
        shutil.copytree(Path(__file__).parent / "config", airflow.home / "config")
        migrate(airflow)
        airflow.start()
        airflow.wait_until_ready("sync_deferred", "struck_sync_deferred", "limited_sync", "managed")
        yield airflow
    finally:
        airflow.kill()
        server.stop()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
