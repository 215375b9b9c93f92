"""A company may send what KSeF says of it, not what most may; and that may change between two tries."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.limits import SessionLimits
from airflow_provider_ksef.exceptions import KsefError, KsefInputError, KsefUnavailableError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.submission_note import SessionNote, SubmissionNotes
from airflow_provider_ksef.tables.reading import read
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import limit_sessions, settings_of
from tests.system.conftest import openings, sample_invoices
from tests.system.operator_context import NotedState, context
from tests.system.submit_ways import send_one_session

COUNT = 7
ASKED = "GET /limits/context"
OPERATORS = {"batch": KsefSubmitBatchOperator, "online": KsefSendInvoicesOperator}
OTHER = {"batch": "online", "online": "batch"}
by_either = pytest.mark.parametrize("kind", OPERATORS)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A right invoice of a million and a half bytes."""
    folder = sample_invoices(tmp_path / "large", count=1)
    file = folder / "FV-0001.xml"
    file.write_bytes(file.read_bytes().ljust(1_500_000))
    return folder


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def operator(kind: str, invoices: Path, **parameters: Any) -> Any:
    return OPERATORS[kind](task_id="submit", invoices=str(invoices), **{"poll_interval": 0.1, **parameters})


def limit(emulator: EmulatorProcess, kind: str, *, megabytes: int = 1, invoices: int = 10_000) -> None:
    limit_sessions(emulator, **{kind: SessionLimits(megabytes, 3, invoices)})  # type: ignore[arg-type]


def states(invoices: Path) -> Counter[str]:
    return Counter(row["state"] for row in read("submissions", invoices.parent / "tables").to_pylist())


@by_either
def test_a_company_may_send_what_its_own_sessions_take(
    connected: EmulatorProcess, large: Path, kind: str
) -> None:
    limit(connected, OTHER[kind], megabytes=2)
    with pytest.raises(
        KsefInputError, match=rf"at most 1,000,000 without .*limit for {kind} sessions, GET /limits/context"
    ):
        operator(kind, large).execute(context())
    assert openings(connected) == []
    limit(connected, kind, megabytes=2)
    assert operator(kind, large).execute(context())["accepted"] == 1


@by_either
def test_a_company_with_lower_limits_is_told_before_anything_is_sent(
    connected: EmulatorProcess, invoices: Path, kind: str
) -> None:
    limit_sessions(connected, **{kind: SessionLimits(0, 0, 10)})  # type: ignore[arg-type]
    with pytest.raises(KsefInputError, match=rf"more than 0 bytes.*limit for {kind} sessions"):
        operator(kind, invoices).execute(context())
    limit(connected, kind, invoices=0)
    with pytest.raises(KsefInputError, match=rf"holds 0 invoices .*limit for {kind} sessions"):
        operator(kind, invoices).execute(context())
    assert openings(connected) == []


@by_either
def test_the_limits_are_asked_for_once_and_divide_the_invoices(
    connected: EmulatorProcess, invoices: Path, kind: str
) -> None:
    limit(connected, kind, invoices=3)
    result = operator(kind, invoices).execute(context())
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 3)
    assert connected.requests()[ASKED] == 1


@pytest.mark.parametrize(("kind", "status"), [("batch", 403), ("online", 503)])
def test_the_defaults_hold_where_ksef_does_not_tell_the_limits(
    connected: EmulatorProcess, large: Path, caplog: pytest.LogCaptureFixture, kind: str, status: int
) -> None:
    limit(connected, kind, megabytes=2)
    connected.control("faults", method="GET", path="^/limits/context$", times=100, status=status)
    with pytest.raises(KsefError, match=r"1 invoices are larger .* limits could not be read") as failed:
        operator(kind, large).execute(context())
    assert not isinstance(failed.value, KsefInputError)  # another try may know better
    assert "own limits cannot be read, so KSeF's defaults hold" in caplog.text
    more = sample_invoices(large.parent / "small", count=2)
    assert operator(kind, more).execute(context())["accepted"] == 2


@by_either
def test_nobody_is_asked_where_a_file_is_wrong_anyway(
    connected: EmulatorProcess, large: Path, kind: str
) -> None:
    (large / "cut.xml").write_bytes(b"<Faktura>")
    with pytest.raises(KsefInputError, match="the company's own limit was not asked for"):
        operator(kind, large).execute(context())
    assert connected.requests() == {}
    limit(connected, kind, megabytes=2)
    assert operator(kind, large, on_invalid="skip").execute(context())["accepted"] == 1


@by_either
def test_a_dry_run_asks_nobody_and_goes_by_the_defaults(
    connected: EmulatorProcess, large: Path, kind: str
) -> None:
    limit(connected, kind, megabytes=2)
    before = connected.requests()
    with pytest.raises(KsefInputError, match=r"at most 1,000,000 without an attachment \(KSeF's default\)"):
        operator(kind, large, dry_run=True).execute(context())
    assert connected.requests() == before


@pytest.mark.parametrize("keeps_state", [True, False], ids=["state", "tables"])
@pytest.mark.parametrize("most", [2, 10_000])
def test_what_was_sent_in_a_batch_under_other_limits_does_not_go_again(
    connected: EmulatorProcess,
    invoices: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    keeps_state: bool,
) -> None:
    limit(connected, "batch", invoices=3)
    task = operator("batch", invoices, tables_path=str(invoices.parent / "tables"))
    state = NotedState() if keeps_state else None
    send_one_session(monkeypatch, task, state)
    limit(connected, "batch", invoices=most)
    result = task.execute(context(state))
    assert (result["invoice_count"], result["accepted"]) == (COUNT, COUNT)
    assert states(invoices) == {"accepted": COUNT}
    assert len(result["sessions"]) == 1 + -(-(COUNT - 3) // most)


@pytest.mark.parametrize("keeps_state", [True, False], ids=["state", "tables"])
def test_a_session_that_holds_more_than_the_lowered_limit_is_not_closed(
    connected: EmulatorProcess, invoices: Path, keeps_state: bool
) -> None:
    task = operator("batch", invoices, tables_path=str(invoices.parent / "tables"))
    state = NotedState() if keeps_state else None
    connected.control("faults", method="POST", path="/close$", times=100, status=503)
    with pytest.raises(KsefUnavailableError):
        task.execute(context(state))
    connected.forget_faults()
    limit(connected, "batch", invoices=4)
    result = task.execute(context(state))
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 2)
    assert states(invoices) == {"unprocessed": COUNT, "accepted": COUNT}


def test_the_rows_of_an_unclosed_session_that_is_divided_anew_say_so(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, task = (
        SubmissionNotes.keep,
        operator("batch", invoices, tables_path=str(invoices.parent / "tables")),
    )
    state = NotedState()

    def die(notes: SubmissionNotes, session: SessionNote) -> None:
        if session.is_uploaded:
            raise KsefError("The worker is gone.", "Try again.")
        keep(notes, session)

    with monkeypatch.context() as patched:
        patched.setattr(SubmissionNotes, "keep", die)
        with pytest.raises(KsefError, match="gone"):
            task.execute(context(state))
    limit(connected, "batch", invoices=4)
    assert task.execute(context(state))["accepted"] == COUNT
    assert states(invoices) == {"unprocessed": COUNT, "accepted": COUNT}


@pytest.mark.parametrize("most", [2, 10_000])
def test_what_was_sent_one_by_one_under_other_limits_does_not_go_again(
    connected: EmulatorProcess, invoices: Path, most: int
) -> None:
    limit(connected, "online", invoices=3)
    task, state = operator("online", invoices), NotedState()
    refusal = {"exception": {"exceptionDetailList": [{"exceptionCode": 21405, "exceptionDescription": "x"}]}}
    sending = {"method": "POST", "path": "/invoices$"}
    connected.control("faults", **sending, times=5, delay=0)
    connected.control("faults", **sending, times=1, status=400, body=refusal)
    with pytest.raises(KsefError, match="21405"):
        task.execute(context(state))
    limit(connected, "online", invoices=most)
    result = task.execute(context(state))
    assert (result["invoice_count"], result["accepted"], result["rejected"]) == (COUNT, COUNT, 0)
    with KsefClient(settings_of(connected)) as ksef:
        held = [ksef.run(sessions.get_status(each)).invoice_count for each in result["sessions"]]
    assert sum(each or 0 for each in held) == COUNT
