"""What every test may ask for."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from upath import UPath

from tests.airflow_database import copy_database
from tests.contract.violations import FOLDER, Watch
from tests.emulator_process import EmulatorProcess, start_emulator
from tests.official import CHECKOUT, SHARED_KSEF
from tests.s3_server import S3Server, start_s3

gc.disable()  # while all is imported and collected: little of that is garbage
AIRFLOW_HOME = tempfile.TemporaryDirectory(prefix="ksef-tests-airflow-")
VIOLATIONS = tempfile.TemporaryDirectory(prefix="ksef-tests-contract-")
# Here and not in a hook: a conftest below this one imports Airflow, which reads its home once.
os.environ.update(
    AIRFLOW_HOME=AIRFLOW_HOME.name,
    AIRFLOW__CORE__DAGS_FOLDER=f"{AIRFLOW_HOME.name}/dags",
    AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX="regexp",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__KSEF__RATE_LIMITER="off",  # tests/limits switches it on
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    AWS_EC2_METADATA_DISABLED="true",
)
os.environ[FOLDER] = VIOLATIONS.name


# A slow machine fails no test; CI looks at the same examples each time, so that it does not depend on luck.
hypothesis.settings.register_profile("steady", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("steady")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Look for garbage from now on, and only in what comes from now on."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave long ones to ``make test-crash``, and begin with what takes longest of the others."""
    seen: Counter[tuple[Path, str]] = Counter()
    for item in items:
        if sampled := item.get_closest_marker("sampled"):
            test = (item.path, item.name.partition("[")[0])
            if seen[test] % sampled.args[0]:
                item.add_marker(pytest.mark.crash)
            seen[test] += 1
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Look through Airflow's many objects once and before a worker says it is done: it has 5 seconds then."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    AIRFLOW_HOME.cleanup()
    VIOLATIONS.cleanup()


@pytest.fixture(scope="session", autouse=True)
def _contract_watch() -> Iterator[Watch]:
    """Breaches of the contract by processes that outlive their test fail the last one."""
    watch = Watch(Path(VIOLATIONS.name))
    yield watch
    _fail_for(watch)


@pytest.fixture(autouse=True)
def _contract_is_kept(_contract_watch: Watch) -> Iterator[None]:
    """Each test fails in whose time the client or the emulator breaks the official contract."""
    yield
    _fail_for(_contract_watch)


def _fail_for(watch: Watch) -> None:
    if violations := watch.new():
        pytest.fail("against the contract:\n" + "\n".join(violations), pytrace=False)


@pytest.fixture(scope="session")
def shared_ksef() -> Path:
    """The folder of official KSeF material beside the checkout."""
    if not SHARED_KSEF.is_dir():
        pytest.skip(f"the official KSeF material is not at {SHARED_KSEF}")
    return SHARED_KSEF


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of the test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def airflow_home(run_folder: Path) -> Path:
    """The home of an Airflow whose database is ready and whose DAGs are the examples and those of tests."""
    home = Path(AIRFLOW_HOME.name)
    (home / "dags").mkdir()
    for pattern in ("example_dags/*.py", "example_dags/*.yaml", "tests/system/dags/*.py"):
        for file in CHECKOUT.glob(pattern):
            shutil.copy(file, home / "dags")
    copy_database(run_folder, home)
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


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 in a process of its own, one for all tests: Airflow keeps the file system of a connection."""
    server = start_s3()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3Server) -> UPath:
    """A folder in a bucket of its own, on an S3 where nothing goes wrong."""
    s3.order()
    return s3.bucket()
