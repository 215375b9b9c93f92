"""Whatever kills a task that makes a credential, and whenever: there is one, and the sink has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.conftest import STRUCK, TRIES
from tests.crash.making import Making
from tests.emulator_process import EmulatorProcess, start_emulator

RUNS = 300
QUICK_RUNS = (3, 4, 5)
"""These are part of every test run: a token, a certificate and a rotation."""

pytestmark = [pytest.mark.timeout(3600), pytest.mark.kills]


@pytest.fixture(scope="session")
def issuing_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--delay", "0.3")
    yield emulator
    emulator.stop()


def runs() -> list[object]:
    return [
        pytest.param(seed, id=f"making-{seed}", marks=[] if seed in QUICK_RUNS else pytest.mark.crash)
        for seed in range(RUNS)
    ]


@pytest.mark.parametrize("seed", runs())
def test_killed_makers_leave_one_credential_that_the_sink_has(
    seed: int,
    issuing_emulator: EmulatorProcess,
    processes: ForkServerContext,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    making = Making(issuing_emulator, processes, tmp_path, seed)
    try:
        making.check(making.play())
    finally:
        record_property(STRUCK, dict(making.strikes.struck))
        record_property(TRIES, dict(making.strikes.tries))
