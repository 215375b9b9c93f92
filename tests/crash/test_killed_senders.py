"""Whatever kills a submission, and whenever: KSeF has each right invoice once, and the task says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.crash.conftest import MET, STRUCK, TRIES
from tests.crash.sending import Sending
from tests.emulator_process import EmulatorProcess, start_emulator

RUNS = 300
QUICK_RUNS = (1, 2)
"""These are part of every test run: a batch by rows alone, and interactive sending by its note."""

pytestmark = [pytest.mark.timeout(3600), pytest.mark.kills]


@pytest.fixture(scope="session")
def receiving_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--hwm-lag", "0.1")
    yield emulator
    emulator.stop()


def runs() -> list[object]:
    return [
        pytest.param(seed, id=f"sending-{seed}", marks=[] if seed in QUICK_RUNS else pytest.mark.crash)
        for seed in range(RUNS)
    ]


@pytest.mark.parametrize("seed", runs())
def test_killed_senders_lose_and_double_nothing(
    seed: int,
    receiving_emulator: EmulatorProcess,
    processes: ForkServerContext,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    sending = Sending(receiving_emulator, processes, tmp_path, seed)
    try:
        sending.check(sending.play())
    finally:
        record_property(STRUCK, dict(sending.strikes.struck))
        record_property(TRIES, dict(sending.strikes.tries))
        record_property(MET, dict(sending.met))
