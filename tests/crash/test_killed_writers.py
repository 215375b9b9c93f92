"""Whatever kills a sync and a backfill, and whenever: the tables hold what KSeF holds, each invoice once."""

from __future__ import annotations

import re
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pyarrow as pa
import pytest

from airflow_provider_ksef.exceptions import KsefTableError
from tests.crash.conftest import MET, STRUCK, TRIES
from tests.crash.places import Place, delta_place, local_place, s3_place
from tests.crash.sabotage import FOUND_AS, SABOTAGES
from tests.crash.scenario import Scenario
from tests.emulator_process import EmulatorProcess

RUNS = 100
"""On each kind of tables."""
QUICK_RUNS = {"local": 1, "s3": 0, "delta": 1}
"""As many of them are part of every test run."""

MOST_RUNS_UNTIL_FOUND = 20

pytestmark = [pytest.mark.timeout(3600), pytest.mark.kills]


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "s3":
        return s3_place(request.getfixturevalue("s3_server"))
    return {"local": local_place, "delta": delta_place}[request.param](tmp_path / "tables")


def runs() -> list[object]:
    return [
        pytest.param(
            place, seed, id=f"{place}-{seed}", marks=[] if seed < QUICK_RUNS[place] else pytest.mark.crash
        )
        for place in QUICK_RUNS
        for seed in range(RUNS)
    ]


@pytest.mark.parametrize(("place", "seed"), runs(), indirect=["place"])
def test_killed_writers_lose_and_double_nothing(
    place: Place,
    seed: int,
    crash_emulator: EmulatorProcess,
    processes: ForkServerContext,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    scenario = Scenario(crash_emulator, processes, place, tmp_path, seed)
    try:
        scenario.play()
    finally:
        record_property(STRUCK, dict(scenario.struck))
        record_property(TRIES, dict(scenario.tries))
        record_property(MET, dict(scenario.met))


@pytest.mark.crash
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_broken_commit_is_found(
    sabotage: str, crash_emulator: EmulatorProcess, processes: ForkServerContext, tmp_path: Path
) -> None:
    for seed in range(MOST_RUNS_UNTIL_FOUND):
        folder = tmp_path / str(seed)
        folder.mkdir()
        place = local_place(folder / "tables")
        try:
            Scenario(crash_emulator, processes, place, folder, seed, sabotage).play()
        except (AssertionError, KsefTableError, pa.ArrowException) as error:
            assert re.search(FOUND_AS[sabotage], str(error))  # noqa: PT017  not every run finds it
            return
    pytest.fail(f"{MOST_RUNS_UNTIL_FOUND} runs found nothing wrong")
