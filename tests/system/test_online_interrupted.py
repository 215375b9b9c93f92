"""Invoices that are sent one by one reach KSeF once each, whenever the sender is killed, whatever fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.exceptions import KsefError, KsefSessionError, KsefTimeoutError
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.online_note import STATE_KEY
from tests.crash.ksefs_side import held_hashes
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.operator_context import NotedState, context

COUNT = 3
NOTES = COUNT + 3
"""Opened, each invoice, all sent, told."""
CREATED = "2026-09-01T00:00:00Z"


class Killed(BaseException):
    """The worker dies at once."""


class DyingState(NotedState):
    """
    A state store whose task dies at one of its notes.

    :param fatal: which note, from 0.
    :param is_kept: whether it is kept before the task dies.
    """

    def __init__(self, fatal: int, *, is_kept: bool) -> None:
        super().__init__()
        self.left = fatal
        self.is_kept = is_kept

    def set(self, key: str, value: Any) -> None:
        if self.left == 0:
            self.left -= 1
            if self.is_kept:
                super().set(key, value)
            raise Killed
        self.left -= 1
        super().set(key, value)


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def operator(invoices: Path, **parameters: Any) -> KsefSendInvoicesOperator:
    return KsefSendInvoicesOperator(
        task_id="send", invoices=str(invoices), **{"poll_interval": 0.1, **parameters}
    )


def assert_each_is_held_once(emulator: EmulatorProcess, count: int = COUNT) -> None:
    held = held_hashes(emulator)
    assert [len(numbers) for numbers in held.values()] == [1] * count


@pytest.mark.sampled(3)
@pytest.mark.parametrize("is_kept", [True, False])
@pytest.mark.parametrize("fatal", range(NOTES))
def test_a_killed_task_goes_on_and_sends_nothing_twice(
    connected: EmulatorProcess, invoices: Path, fatal: int, is_kept: bool
) -> None:
    state = DyingState(fatal, is_kept=is_kept)
    with pytest.raises(Killed):
        operator(invoices).execute(context(state))
    result = operator(invoices).execute(context(state))
    assert (result["invoice_count"], result["accepted"], result["rejected"]) == (COUNT, COUNT, 0)
    assert_each_is_held_once(connected)
    is_session_lost = fatal == 0 and not is_kept
    requests = connected.requests()
    assert requests["POST /sessions/online"] == 1 + is_session_lost
    assert requests["POST /sessions/online/{referenceNumber}/invoices"] == COUNT


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fault", [{"drop": "after"}, {"status": 502, "body": "<html>"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/sessions/online$"),
        ("POST", "/v2/sessions/online/.*/invoices"),
        ("POST", "/v2/sessions/online/.*/close"),
        ("GET", "/v2/sessions/.*"),
    ],
)
def test_a_step_that_fails_is_made_good_and_nothing_is_sent_twice(
    connected: EmulatorProcess, invoices: Path, method: str, path: str, fault: dict[str, Any]
) -> None:
    connected.control("faults", method=method, path=path, times=6, **fault)
    state = NotedState()
    for _ in range(10):
        try:
            result = operator(invoices).execute(context(state))
            break
        except KsefError:
            continue
    assert (result["accepted"], result["rejected"]) == (COUNT, 0)
    assert_each_is_held_once(connected)


def test_a_session_that_has_ended_meanwhile_is_followed_by_one_for_the_rest(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = DyingState(2, is_kept=True)
    with pytest.raises(Killed):
        operator(invoices).execute(context(state))
    connected.control("clock", advance=13 * 3600)
    result = operator(invoices).execute(context(state))
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 2)
    assert connected.requests()["POST /sessions/online/{referenceNumber}/invoices"] == COUNT
    assert_each_is_held_once(connected)


def test_a_session_that_a_maintenance_keeps_away_is_followed_by_one_for_the_rest(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = DyingState(2, is_kept=True)
    with pytest.raises(Killed):
        operator(invoices).execute(context(state))
    connected.control("faults", kind="session-unavailable", times=1)
    result = operator(invoices).execute(context(state))
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 2)
    assert_each_is_held_once(connected)


def test_a_session_of_another_secret_is_closed_and_followed_by_a_new_one(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = DyingState(2, is_kept=True)
    with pytest.raises(Killed):
        operator(invoices).execute(context(state))
    state[STATE_KEY]["progress"]["check_value"] = "00" * 8
    result = operator(invoices).execute(context(state))
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 2)
    assert connected.requests()["POST /sessions/online/{referenceNumber}/close"] == 2


@pytest.mark.parametrize("change", ["one more", "archived"])
def test_when_all_are_sent_a_next_try_sends_nothing_whatever_the_folder_holds_by_then(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path, change: str
) -> None:
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))
    if change == "archived":
        invoices.rename(tmp_path / "archive")
    else:
        (invoices / "later.xml").write_bytes(b"<later/>")
    result = operator(invoices).execute(context(state))
    assert (result["invoice_count"], result["accepted"]) == (COUNT, COUNT)
    assert connected.requests()["POST /sessions/online/{referenceNumber}/invoices"] == COUNT


def test_what_came_while_the_task_was_dead_is_sent_with_the_rest(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = DyingState(2, is_kept=False)
    more = sample_invoices(invoices.parent / "more", count=COUNT + 1)
    with pytest.raises(Killed):
        operator(invoices).execute(context(state))
    last = f"FV-{COUNT + 1:04d}.xml"
    (invoices / last).write_bytes((more / last).read_bytes())
    (invoices / "FV-0001.xml").unlink()
    result = operator(invoices).execute(context(state))
    assert (result["invoice_count"], result["accepted"]) == (COUNT + 1, COUNT + 1)
    assert_each_is_held_once(connected, COUNT + 1)


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_session_that_ksef_does_not_know_is_sent_anew(
    connected: EmulatorProcess, invoices: Path, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_UNKNOWN_PAUSES", ())
    state = DyingState(2 if is_killed else 99, is_kept=True)
    try:
        operator(invoices).execute(context(state))
    except Killed:
        assert is_killed
    connected.control("reset")
    assert operator(invoices).execute(context(state))["accepted"] == COUNT


def test_invoices_that_ksef_has_dropped_are_sent_again(connected: EmulatorProcess, invoices: Path) -> None:
    """The session's key was lost on the way: all invoices were taken in, none is ever judged."""
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))
    status = {"status": {"code": 415, "description": "x"}, "dateCreated": CREATED, "dateUpdated": CREATED}
    connected.control("faults", method="GET", path="^/sessions/[^/]+$", times=4, status=200, body=status)
    waiting = [
        {
            "ordinalNumber": 1,
            "referenceNumber": "20260901-EE-1A2B3C7000-0F1E2D3C4E-78",
            "invoiceHash": "x" * 44,
            "invoicingDate": CREATED,
            "status": {"code": 150, "description": "x"},
        }
    ]
    connected.control(
        "faults",
        method="GET",
        path="^/sessions/[^/]+/invoices$",
        times=2,
        status=200,
        body={"invoices": waiting},
    )
    with pytest.raises(KsefSessionError, match=r"ended with status 415.*the next try sends those again"):
        operator(invoices).execute(context(state))
    assert state[STATE_KEY]["progress"]["invoice_count"] is None
    result = operator(invoices).execute(context(state))
    assert result["accepted"] == COUNT
    assert_each_is_held_once(connected)


def test_a_cleared_task_gives_the_same_result_for_the_same_files(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = NotedState()
    first = operator(invoices).execute(context(state))
    assert operator(invoices).execute(context(state, max_tries=4)) == first
    assert connected.requests()["POST /sessions/online"] == 1


@pytest.mark.parametrize("has_state", [True, False])
def test_what_is_sent_again_is_accepted_already(
    connected: EmulatorProcess, invoices: Path, has_state: bool
) -> None:
    """On purpose by a cleared task that is not durable, or for want of a state store."""
    state = NotedState() if has_state else None
    operator(invoices).execute(context(state))
    again = operator(invoices, durable=False).execute(context(state, max_tries=4))
    assert (again["accepted"], again["rejected"], again["rejections"]) == (COUNT, 0, [])
    assert connected.requests()["POST /sessions/online/{referenceNumber}/invoices"] == 2 * COUNT
    assert_each_is_held_once(connected)


def test_a_cleared_task_sends_again_where_nothing_was_accepted(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.xml"
    wrong.write_bytes(wrong_invoice())
    state = NotedState()
    for max_tries in (3, 4):
        result = operator(wrong, on_rejected="warn").execute(context(state, max_tries=max_tries))
        assert result["rejected"] == 1
    assert connected.requests()["POST /sessions/online/{referenceNumber}/invoices"] == 2


def test_a_cleared_task_sends_other_files(connected: EmulatorProcess, invoices: Path) -> None:
    state = NotedState()
    operator(invoices).execute(context(state))
    more = sample_invoices(invoices.parent / "more", count=COUNT + 1)
    for name in range(1, COUNT + 1):
        (more / f"FV-{name:04d}.xml").unlink()
    result = operator(more).execute(context(state, max_tries=4))
    assert (result["invoice_count"], result["accepted"]) == (1, 1)
    assert_each_is_held_once(connected, COUNT + 1)


@pytest.mark.parametrize("waits", [True, False])
def test_an_outcome_that_airflow_did_not_keep_is_told_again(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path, waits: bool
) -> None:
    state = NotedState()
    lost = operator(invoices, wait_for_completion=waits).execute(context(state))
    invoices.rename(tmp_path / "archive")
    assert operator(invoices, wait_for_completion=waits).execute(context(state)) == lost
    assert connected.requests()["POST /sessions/online"] == 1


@pytest.mark.parametrize("broken", ["x", [1], {"progress": {}}])
def test_a_note_that_cannot_be_read_is_no_note(
    connected: EmulatorProcess, invoices: Path, broken: Any
) -> None:
    assert operator(invoices).execute(context(NotedState({STATE_KEY: broken})))["accepted"] == COUNT


def test_a_session_that_cannot_be_noted_takes_no_invoice(connected: EmulatorProcess, invoices: Path) -> None:
    class Broken(NotedState):
        def set(self, _key: str, _value: Any) -> None:
            raise OSError("database is locked")

    with pytest.raises(KsefError, match="cannot be noted"):
        operator(invoices).execute(context(Broken()))
    assert "POST /sessions/online/{referenceNumber}/invoices" not in connected.requests()
