"""Whatever kills a sync and a backfill, and whenever: the tables hold what KSeF holds, each invoice once."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.conftest import KILLED, TRIES
from tests.crash.places import Place, local_place, s3_place
from tests.crash.scenario import Scenario
from tests.emulator_process import EmulatorProcess

RUNS = 100
"""On each kind of tables."""
QUICK_RUNS = 2
"""As many of them are part of every test run."""

PLACES = ("local", "s3")


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return local_place(tmp_path / "tables")
    return s3_place(request.getfixturevalue("s3_server"))


def runs() -> list[object]:
    return [
        pytest.param(place, seed, id=f"{place}-{seed}", marks=[] if seed < QUICK_RUNS else pytest.mark.crash)
        for place in PLACES
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
        record_property(KILLED, dict(scenario.killed))
        record_property(TRIES, dict(scenario.tries))
