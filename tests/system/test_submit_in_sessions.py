"""More invoices than one session takes go in several, each of them once, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_ksef.exceptions import KsefSessionError, KsefTimeoutError
from airflow_provider_ksef.tables.reading import read
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import DEFAULT_SESSION, limit_sessions
from tests.system.conftest import sample_invoices
from tests.system.operator_context import NotedState, context
from tests.system.submit_ways import operator, send_one_session

COUNT = 7
SESSIONS = 3


@pytest.fixture
def invoices(connected: EmulatorProcess, tmp_path: Path) -> Path:
    limit_sessions(connected, batch=replace(DEFAULT_SESSION, max_invoices=3))
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def test_several_sessions_make_one_result(connected: EmulatorProcess, invoices: Path, tmp_path: Path) -> None:
    result = operator(invoices, tables_path=str(tmp_path / "tables")).execute(context())
    assert (result["invoice_count"], result["accepted"], len(set(result["sessions"]))) == (
        COUNT,
        COUNT,
        SESSIONS,
    )
    assert result["session_reference_number"] == result["sessions"][-1]
    rows = read("submissions", tmp_path / "tables").to_pylist()
    assert {row["session_reference_number"] for row in rows} == set(result["sessions"])
    assert {row["ksef_number"] for row in rows} == set(connected.ksef_numbers(subject_type="Subject1"))


def test_a_next_try_sends_only_the_sessions_that_are_missing(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = NotedState()
    send_one_session(monkeypatch, operator(invoices), state)
    assert operator(invoices).execute(context(state))["accepted"] == COUNT
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT
    assert connected.requests()["POST /sessions/batch"] == SESSIONS


def test_a_next_try_leaves_out_what_was_sent_in_other_company(
    connected: EmulatorProcess, invoices: Path
) -> None:
    """The first session was closed, then a file came in between, so that all batches are others."""
    state = NotedState()
    whole = operator(invoices).execute(context(state))
    noted = state["batch_submission"]
    state["batch_submission"] = {**noted, "sessions": noted["sessions"][:1], "told_in": None}
    more = sample_invoices(invoices.parent / "more", count=COUNT + 1)
    (invoices / "FV-0000.xml").write_bytes((more / f"FV-000{COUNT + 1}.xml").read_bytes())
    result = operator(invoices).execute(context(state))
    assert (result["invoice_count"], result["accepted"]) == (COUNT + 1, COUNT + 1)
    assert result["sessions"][0] == whole["sessions"][0]
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT + 1


def test_of_several_sessions_only_the_one_without_effect_is_sent_again(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    state, tables = NotedState(), str(tmp_path / "tables")
    connected.control("faults", kind="session-status", code=415, times=1)
    with pytest.raises(KsefSessionError, match="next try"):
        operator(invoices, tables_path=tables).execute(context(state))
    states = [row["state"] for row in read("submissions", tmp_path / "tables").to_pylist()]
    assert states.count("accepted") == COUNT - 3
    assert states.count("unprocessed") == 3
    result = operator(invoices, tables_path=tables).execute(context(state))
    assert result["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == SESSIONS + 1


def test_one_deadline_holds_for_all(connected: EmulatorProcess, invoices: Path) -> None:
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))
    assert operator(invoices).execute(context(state))["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == SESSIONS
