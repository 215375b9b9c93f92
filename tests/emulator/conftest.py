"""What the tests of the emulator share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import make_samples
from tests.emulator.entering import entered
from tests.emulator.peer import Peer, logged_in
from tests.emulator.signing import seal
from tests.emulator_process import NIP, EmulatorProcess, start_emulator


@pytest.fixture(scope="session")
def _prompt_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--hwm-lag", "0", "--export-cap", "50")
    yield emulator
    emulator.stop()


@pytest.fixture
def prompt(_prompt_emulator: EmulatorProcess) -> EmulatorProcess:
    """An emulator without lag whose exports hold at most 50 invoices, as just after its start."""
    _prompt_emulator.control("reset")
    return _prompt_emulator


@pytest.fixture
def stranger(prompt: EmulatorProcess) -> Peer:
    """A client that has not logged in."""
    return Peer(prompt)


@pytest.fixture
def peer(prompt: EmulatorProcess) -> Iterator[Peer]:
    """A client that has logged in there."""
    with logged_in(prompt) as peer:
        yield peer


@pytest.fixture
def received(peer: Peer) -> Peer:
    """A company that received 120 invoices in March."""
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=120, seed=5, **march)
    return peer


@pytest.fixture
def sales() -> dict[str, bytes]:
    """Five right invoices that the company has issued today, by file name."""
    return {each.name: each.xml for each in make_samples(NIP, 5, 0, 1, datetime.now(WARSAW).date())}


@pytest.fixture
def owner(prompt: EmulatorProcess) -> Peer:
    """The owner of the company, by certificate."""
    return entered(prompt, seal())
