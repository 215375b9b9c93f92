"""A submission that is cut is never made twice, and an unknown outcome is read from KSeF."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client.retries import TRIES
from airflow_provider_ksef.exceptions import (
    KsefError,
    KsefSessionError,
    KsefTimeoutError,
    KsefUnavailableError,
)
from airflow_provider_ksef.operators import batch
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.submission_note import STATE_KEY
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.operator_context import NotedState, context
from tests.system.submit_ways import operator

COUNT = 4
CREATED = "2026-09-01T00:00:00Z"


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def execute_until_it_succeeds(invoices: Path, state: NotedState) -> tuple[dict[str, Any], int]:
    """Run try after try; give the result and how many failed."""
    for failures in range(10):
        try:
            return operator(invoices).execute(context(state)), failures
        except KsefError:
            continue
    raise AssertionError("ten tries failed")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fault", [{"drop": "after"}, {"drop": "before"}, {"status": 502, "body": "<html>"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/sessions/batch"),
        ("PUT", "/storage/.*"),
        ("POST", "/v2/sessions/batch/.*/close"),
        ("GET", "/v2/sessions/.*"),
    ],
)
def test_a_step_that_fails_is_made_good_and_nothing_is_sent_twice(
    connected: EmulatorProcess, invoices: Path, method: str, path: str, fault: dict[str, Any]
) -> None:
    connected.control("faults", method=method, path=path, times=6, **fault)
    result, _failures = execute_until_it_succeeds(invoices, NotedState())
    assert (result["accepted"], result["rejected"]) == (COUNT, 0)
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT


def test_a_close_without_an_answer_does_not_fail_the_task(connected: EmulatorProcess, invoices: Path) -> None:
    connected.control("faults", method="POST", path="/v2/sessions/batch/.*/close", times=1, drop="after")
    assert operator(invoices).execute(context())["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == 1


@pytest.mark.parametrize("fault", [{"status": 503, "body": "<html>"}, {"drop": "before"}, {"status": 429}])
def test_an_outage_while_ksef_is_at_work_is_waited_out(
    connected: EmulatorProcess, invoices: Path, fault: dict[str, Any]
) -> None:
    connected.control("faults", method="GET", path="/v2/sessions/[^/]+$", times=2 * TRIES + 1, **fault)
    assert operator(invoices).execute(context())["accepted"] == COUNT


@pytest.mark.parametrize(
    ("parameters", "headers"), [({"timeout": 0}, {}), ({}, {"Retry-After": "600"})], ids=["over", "long"]
)
def test_an_outage_beyond_the_waiting_fails_the_try(
    connected: EmulatorProcess, invoices: Path, parameters: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = {"status": 503, "headers": headers, "body": "<html>"}
    connected.control("faults", method="GET", path="/v2/sessions/[^/]+$", times=2 * TRIES, **answer)
    with pytest.raises(KsefUnavailableError):
        operator(invoices, **parameters).execute(context())


def test_a_next_try_goes_on_with_the_session_that_was_closed(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))
    result = operator(invoices).execute(context(state))
    assert result["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == 1


@pytest.mark.parametrize("change", ["one more", "archived"])
def test_a_next_try_goes_on_with_that_session_whatever_the_folder_holds_by_then(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path, change: str
) -> None:
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))
    if change == "archived":
        invoices.rename(tmp_path / "archive")
    else:
        (invoices / "later.xml").write_bytes((invoices / "FV-0001.xml").read_bytes())
    result = operator(invoices).execute(context(state))
    assert (result["invoice_count"], result["accepted"], result["rejected"]) == (COUNT, COUNT, 0)
    assert connected.requests()["POST /sessions/batch"] == 1


def test_a_next_try_closes_the_session_that_was_uploaded(connected: EmulatorProcess, invoices: Path) -> None:
    """The first close may take effect late, so that another session would bring nothing but duplicates."""
    connected.control("faults", method="POST", path="/v2/sessions/batch/.*/close", times=5, status=502)
    state = NotedState()
    with pytest.raises(KsefUnavailableError):
        operator(invoices).execute(context(state))
    assert operator(invoices).execute(context(state))["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == 1


def test_a_session_that_cannot_be_closed_any_more_is_sent_anew(
    connected: EmulatorProcess, invoices: Path
) -> None:
    connected.control("faults", method="POST", path="/v2/sessions/batch/.*/close", times=5, status=502)
    state = NotedState()
    with pytest.raises(KsefUnavailableError):
        operator(invoices).execute(context(state))
    connected.control("clock", advance=13 * 3600)
    assert operator(invoices).execute(context(state))["accepted"] == COUNT
    assert connected.requests()["POST /sessions/batch"] == 2


def test_a_rejection_names_the_file_that_holds_the_invoice(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    """Names in the package are numbered by place, which changes when a file comes in between."""
    second = tmp_path / "second"
    second.mkdir()
    (second / "FV-0001.xml").write_bytes(wrong_invoice())
    state = NotedState()
    sources = [str(invoices), str(second)]
    with pytest.raises(KsefTimeoutError):
        KsefSubmitBatchOperator(task_id="submit", invoices=sources, timeout=0).execute(context(state))
    (invoices / "FV-0000.xml").write_bytes(b"<later/>")
    again = KsefSubmitBatchOperator(task_id="submit", invoices=sources, on_rejected="warn")
    (rejection,) = again.execute(context(state))["rejections"]
    assert rejection["file"] == str(second / "FV-0001.xml")


def test_other_files_are_sent_even_where_the_task_has_sent_before(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    state = NotedState()
    operator(invoices).execute(context(state))
    more = sample_invoices(tmp_path / "more", count=COUNT + 1)
    operator(more, on_rejected="warn").execute(context(state, max_tries=4))
    assert connected.requests()["POST /sessions/batch"] == 2


def test_a_cleared_task_gives_the_same_session_for_the_same_files(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = NotedState()
    first = operator(invoices).execute(context(state))
    assert operator(invoices).execute(context(state, max_tries=4)) == first
    assert connected.requests()["POST /sessions/batch"] == 1


@pytest.mark.parametrize("waits", [True, False])
def test_an_outcome_that_airflow_did_not_keep_is_told_again(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path, waits: bool
) -> None:
    """The worker dies after the operator has returned and before its result is pushed."""
    state = NotedState()
    lost = operator(invoices, wait_for_completion=waits).execute(context(state))
    invoices.rename(tmp_path / "archive")
    assert operator(invoices, wait_for_completion=waits).execute(context(state)) == lost
    assert connected.requests()["POST /sessions/batch"] == 1


def test_a_session_that_cannot_be_noted_is_not_uploaded(connected: EmulatorProcess, invoices: Path) -> None:
    class Broken(NotedState):
        def set(self, _key: str, _value: Any) -> None:
            raise OSError("database is locked")

    with pytest.raises(KsefError, match="cannot be noted"):
        operator(invoices).execute(context(Broken()))
    assert connected.requests()["POST /sessions/batch"] == 1
    assert not [name for name in connected.requests() if name.startswith("PUT")]
    assert operator(invoices).execute(context())["accepted"] == COUNT


def test_nothing_is_sent_where_it_cannot_be_read_what_was_sent_before(
    connected: EmulatorProcess, invoices: Path
) -> None:
    class Unreadable(NotedState):
        def get(self, _key: str, _default: Any = None) -> Any:
            raise OSError("the API server does not answer")

    state = Unreadable()
    with pytest.raises(KsefError, match=r"not known what an earlier try has sent.*Run the task again"):
        operator(invoices).execute(context(state))
    assert "POST /sessions/batch" not in connected.requests()


def test_a_rejection_is_told_where_the_files_cannot_be_looked_up(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (invoices / "wrong.xml").write_bytes(wrong_invoice())
    state = NotedState()
    with pytest.raises(KsefTimeoutError):
        operator(invoices, timeout=0).execute(context(state))

    def fail(_: object) -> None:
        raise LookupError("the connection aws_default is not defined")

    monkeypatch.setattr(batch, "find_invoices", fail)
    (rejection,) = operator(invoices, on_rejected="warn").execute(context(state))["rejections"]
    assert rejection["file"] == "wrong.xml"


def test_without_a_state_store_a_second_submission_finds_its_invoices_accepted(
    connected: EmulatorProcess, invoices: Path
) -> None:
    operator(invoices).execute(context())
    again = operator(invoices).execute(context())
    assert (again["accepted"], again["rejected"], again["status"]) == (COUNT, 0, "accepted")
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT


def test_a_noted_session_that_ksef_does_not_know_is_sent_anew(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = NotedState()
    operator(invoices).execute(context(state))
    connected.control("reset")
    assert operator(invoices).execute(context(state))["accepted"] == COUNT


@pytest.mark.parametrize(
    ("code", "sessions", "words"),
    [(415, 2, "next try"), (420, 1, "no task does by itself"), (500, 1, "no task does by itself")],
)
def test_only_a_session_without_effect_is_sent_again(
    connected: EmulatorProcess, invoices: Path, code: int, sessions: int, words: str
) -> None:
    status = {"status": {"code": code, "description": "x"}, "dateCreated": CREATED, "dateUpdated": CREATED}
    connected.control("faults", method="GET", path="^/sessions/[^/]+$", times=100, status=200, body=status)
    state = NotedState()
    for _ in range(2):
        with pytest.raises(KsefSessionError, match=words):
            operator(invoices).execute(context(state))
    assert connected.requests()["POST /sessions/batch"] == sessions


def test_a_trigger_that_cannot_ask_is_told_and_does_not_spin(
    connected: EmulatorProcess, invoices: Path
) -> None:
    status = {"status": {"code": 150, "description": "x"}, "dateCreated": CREATED, "dateUpdated": CREATED}
    connected.control("faults", method="GET", path="^/sessions/[^/]+$", times=100, status=200, body=status)
    reference = operator(invoices, wait_for_completion=False).execute(context())["session_reference_number"]
    sessions = [{"session_reference_number": reference, "digest": "digest", "invoice_count": COUNT}]
    resume = {"sessions": sessions, "deadline": time.time() + 60}
    event = {"reference_number": reference, "code": None, "error": "no such connection", "resume": resume}
    with pytest.raises(KsefError, match=r"triggerer could not ask KSeF: no such connection"):
        operator(invoices, deferrable=True).execute_complete(context(), event)


@pytest.mark.parametrize("broken", ["x", {"digest": 1}, [1]])
def test_a_note_that_cannot_be_read_is_no_note(
    connected: EmulatorProcess, invoices: Path, broken: Any
) -> None:
    assert operator(invoices).execute(context(NotedState({STATE_KEY: broken})))["accepted"] == COUNT
