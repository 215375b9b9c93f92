"""What the tests through Airflow share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import tenacity
from airflow.sdk.log import _secrets_masker

from airflow_provider_ksef.client import closing, online, online_submission, retries, sessions
from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import ONLY_KSEF, make_samples
from airflow_provider_ksef.triggers import polling
from tests.emulator_process import NIP, EmulatorProcess, start_emulator
from tests.system.airflow_runs import connect
from tests.system.managing_ways import connect_as

HWM_LAG = 0.3


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, with less time between them."""
    monkeypatch.setattr(retries, "_backoff", tenacity.wait_fixed(0.05))
    monkeypatch.setattr(closing, "PAUSES", (0.1,) * len(closing.PAUSES))
    monkeypatch.setattr(online, "SEND_PAUSES", (0.1,) * len(online.SEND_PAUSES))
    monkeypatch.setattr(online_submission, "SETTLING", 0.1)
    monkeypatch.setattr(sessions, "STORING_PAUSES", (0.3, 1.0))
    monkeypatch.setattr(polling, "SETTLING_SECONDS", 0.1)
    monkeypatch.setattr(polling, "SPREAD_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _masks_of_its_own() -> Iterator[None]:
    """Let Airflow forget a test's secrets: at each new one it compiles one pattern of all that it has."""
    masker = _secrets_masker()
    before = set(masker.patterns), masker.replacer
    yield
    masker.patterns, masker.replacer = before


@pytest.fixture(scope="session")
def _quick_emulator() -> Iterator[EmulatorProcess]:
    emulator = start_emulator("--hwm-lag", str(HWM_LAG), "--delay", "0.3", "--export-cap", "200")
    yield emulator
    emulator.stop()


@pytest.fixture
def connected(
    _quick_emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, airflow_home: Path
) -> EmulatorProcess:
    """An emulator that the connection ``ksef_default`` leads to, and an Airflow that is ready."""
    _quick_emulator.control("reset")
    connect(monkeypatch, _quick_emulator)
    return _quick_emulator


@pytest.fixture
def owned(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, airflow_home: Path) -> EmulatorProcess:
    """An emulator that does its work at once, and a connection by the company's seal that leads there."""
    connect_as(monkeypatch, emulator)
    return emulator


@pytest.fixture
def slowly_owned(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """The same with one that takes its time, so that there is something to wait for."""
    connect_as(monkeypatch, connected)
    return connected


@pytest.fixture
def outgoing(tmp_path: Path) -> Path:
    """A folder of 25 sales invoices of which two are wrong."""
    return sample_invoices(tmp_path / "outgoing", count=25, wrong=2)


def sample_invoices(folder: Path, *, count: int, wrong: int = 0) -> Path:
    """Write the sales invoices that the emulator's own command writes."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in make_samples(NIP, count, wrong, 1, datetime.now(WARSAW).date(), ways=ONLY_KSEF):
        (folder / sample.name).write_bytes(sample.xml)
    return folder


def wrong_invoice() -> bytes:
    """Give an invoice of another number in which KSeF alone finds something wrong."""
    samples = make_samples(NIP, 2, 1, 2, datetime.now(WARSAW).date(), ways=ONLY_KSEF)
    return next(sample.xml for sample in samples if sample.code)


def openings(emulator: EmulatorProcess) -> list[str]:
    """Tell which kinds of sessions were opened; before, nothing is sent."""
    return sorted({"POST /sessions/batch", "POST /sessions/online"} & set(emulator.requests()))


def seed(emulator: EmulatorProcess, count: int, *period: datetime, subject_type: str = "Subject2") -> None:
    """Let the company receive invoices, stored within a period or else now."""
    times = dict(zip(("from", "to"), (moment.isoformat() for moment in period), strict=False))
    emulator.control("seed", nip=NIP, subjectType=subject_type, count=count, seed=count, **times)


def wait_for_hwm() -> None:
    """Wait until KSeF's high-water mark has passed what is stored by now."""
    time.sleep(HWM_LAG + 0.2)
