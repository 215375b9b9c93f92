"""What is left of batches that nobody closed in time: nothing on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.expiry import end_expired_sessions
from airflow_provider_ksef.emulator.resuming import resume_work
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.store.sessions import BATCH, CANCELLED, OPEN, Part
from tests.emulator.test_upo import SESSION

LATE, EARLY = "20260901-SB-1A2B3C7000-0F1E2D3C4E-01", "20260901-SB-1A2B3C7000-0F1E2D3C4E-02"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator(Settings(), tmp_path)
    yield emulator
    emulator.close()


def begin_batch(emulator: Emulator, reference: str, valid_until: int, code: int = OPEN) -> Path:
    """A batch with two declared parts of which one is there."""
    session = replace(SESSION, reference=reference, kind=BATCH, code=code, valid_until=valid_until)
    emulator.sessions.add(session, [Part(1, 16, "hash"), Part(2, 16, "hash")])
    part = emulator.files.upload(reference, 1)
    part.write_bytes(b"x" * 16)
    return part


def test_the_parts_of_a_batch_go_when_its_time_has_passed(emulator: Emulator) -> None:
    now = emulator.clock.now()
    late, early = begin_batch(emulator, LATE, now - 1), begin_batch(emulator, EARLY, now + 10**9)
    end_expired_sessions(emulator)
    assert (late.exists(), early.exists()) == (False, True)


def test_a_restart_removes_what_the_batches_left(emulator: Emulator) -> None:
    now = emulator.clock.now()
    expired = begin_batch(emulator, LATE, now - 1)
    cancelled = begin_batch(emulator, EARLY, now - 1, CANCELLED)
    resume_work(emulator)
    assert (expired.exists(), cancelled.exists()) == (False, False)
