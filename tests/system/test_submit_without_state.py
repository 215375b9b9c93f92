"""On an Airflow without task state the rows lead a next try to its sessions, whatever the folder holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import packing
from airflow_provider_ksef.client.deflating import ZLIB
from airflow_provider_ksef.exceptions import KsefError, KsefSessionError, KsefTimeoutError
from airflow_provider_ksef.operators.submission_note import SubmissionNotes
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices
from tests.system.kept_rows import rows, submit

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def states(invoices: Path) -> Counter[str]:
    return Counter(row["state"] for row in rows(invoices))


def test_a_file_that_came_in_between_goes_alone_and_no_row_stays_without_answer(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    more = sample_invoices(tmp_path / "more", count=COUNT + 1)
    (invoices / "FV-0000.xml").write_bytes((more / f"FV-000{COUNT + 1}.xml").read_bytes())
    result = submit(invoices)
    assert (result["invoice_count"], result["accepted"], len(result["sessions"])) == (COUNT + 1, COUNT + 1, 2)
    assert states(invoices) == {"accepted": COUNT + 1}


def test_the_rows_of_a_session_without_effect_say_so(connected: EmulatorProcess, invoices: Path) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    connected.control("reset")
    assert submit(invoices)["accepted"] == COUNT
    assert states(invoices) == {"unprocessed": COUNT, "accepted": COUNT}


def test_the_rows_of_a_session_that_was_never_closed_say_so(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KsefError("The worker is gone.", "Try again.")

    with monkeypatch.context() as patched:
        patched.setattr(SubmissionNotes, "keep", _second(SubmissionNotes.keep, die))
        with pytest.raises(KsefError, match="gone"):
            submit(invoices)
    assert states(invoices) == {"sent": COUNT}
    monkeypatch.setattr(packing, "best_engine", lambda: ZLIB._replace(level=1))
    assert submit(invoices)["accepted"] == COUNT
    assert sum(states(invoices).values()) in {COUNT, 2 * COUNT}
    assert not states(invoices)["sent"]


def test_a_session_that_ksef_cancels_is_sent_again(connected: EmulatorProcess, invoices: Path) -> None:
    connected.control("faults", kind="session-status", code=440, times=1)
    with pytest.raises(KsefSessionError, match="next try"):
        submit(invoices)
    assert submit(invoices)["accepted"] == COUNT
    assert states(invoices) == {"unprocessed": COUNT, "accepted": COUNT}


def _second(first: Any, then: Any) -> Any:
    """Do one thing at the first call, and another at all later ones."""
    calls: list[object] = []

    def call(*given: Any) -> Any:
        calls.append(given)
        return (first if len(calls) == 1 else then)(*given)

    return call
