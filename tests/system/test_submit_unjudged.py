"""Sessions that KSeF has not judged, or does not tell whole: nothing goes again, nothing is told wrongly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefIntegrityError, KsefSessionError
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import DEFAULT_SESSION, limit_sessions
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.kept_rows import rows
from tests.system.operator_context import NotedState, context
from tests.system.submit_ways import operator

COUNT = 3


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def tables(invoices: Path) -> str:
    return str(invoices.parent / "tables")


def states(invoices: Path) -> Counter[str]:
    return Counter(row["state"] for row in rows(invoices))


def opened(emulator: EmulatorProcess) -> int:
    return emulator.requests().get("POST /sessions/batch", 0)


def add_invoice(invoices: Path) -> None:
    """Let a file come in between, before all others."""
    more = sample_invoices(invoices.parent / "more", count=9)
    (invoices / "FV-0000.xml").write_bytes((more / "FV-0009.xml").read_bytes())


def answer(emulator: EmulatorProcess, path: str, body: dict[str, Any], times: int) -> None:
    """Give this answer in place of KSeF's own."""
    emulator.control("faults", method="GET", path=path, times=times, status=200, body=body)


def test_the_rows_of_a_session_of_unknown_effect_stay_sent_and_lead_another_task_to_it(
    connected: EmulatorProcess, invoices: Path
) -> None:
    connected.control("faults", kind="session-status", code=500)
    for _ in range(2):
        with pytest.raises(KsefSessionError, match="before you send any of them again"):
            operator(invoices, tables_path=tables(invoices)).execute(context(NotedState()))
    assert states(invoices) == {"sent": COUNT}
    assert {row["status_code"] for row in rows(invoices)} == {500}
    assert opened(connected) == 1


def test_what_a_broken_session_has_judged_all_the_same_is_kept(
    connected: EmulatorProcess, invoices: Path
) -> None:
    """KSeF's status of the session says that it failed, and its list has invoices with numbers."""
    created = "2026-09-01T10:00:00+00:00"
    failed = {"status": {"code": 440, "description": "x"}, "dateCreated": created, "dateUpdated": created}
    connected.control("faults", kind="invoice-status", code=500, times=1)
    first = operator(invoices, wait_for_completion=False, tables_path=tables(invoices))
    state = NotedState()
    first.execute(context(state))
    answer(connected, "^/sessions/[^/]+$", {**failed, "successfulInvoiceCount": 2}, 100)
    with pytest.raises(KsefSessionError):
        operator(invoices, tables_path=tables(invoices)).execute(context(state))
    assert states(invoices) == {"accepted": COUNT - 1, "rejected": 1}


def test_files_that_came_later_wait_for_a_session_of_unknown_effect(
    connected: EmulatorProcess, invoices: Path
) -> None:
    connected.control("faults", kind="session-status", code=500)
    state = NotedState()
    with pytest.raises(KsefSessionError):
        operator(invoices).execute(context(state))
    state["batch_submission"] = {**state["batch_submission"], "invoice_count": COUNT + 1}
    add_invoice(invoices)
    with pytest.raises(KsefSessionError, match="before you send any of them again"):
        operator(invoices).execute(context(state))
    assert opened(connected) == 1


def test_clearing_a_task_that_did_not_wait_sends_no_session_of_unknown_effect_again(
    connected: EmulatorProcess, invoices: Path
) -> None:
    connected.control("faults", kind="session-status", code=500)
    state = NotedState()
    operator(invoices, wait_for_completion=False).execute(context(state))
    with pytest.raises(KsefSessionError):
        operator(invoices).execute(context(state, max_tries=4))
    with pytest.raises(KsefSessionError):
        operator(invoices).execute(context(state, max_tries=4))
    assert opened(connected) == 1


def test_what_is_left_is_divided_anew_without_sending_a_closed_session_again(
    connected: EmulatorProcess, invoices: Path
) -> None:
    """Of three sessions two were closed; a file of the first is exchanged, so only the second is whole."""
    limit_sessions(connected, batch=replace(DEFAULT_SESSION, max_invoices=3))
    sample_invoices(invoices, count=7)
    state = NotedState()
    whole = operator(invoices).execute(context(state))
    noted = state["batch_submission"]
    state["batch_submission"] = {**noted, "sessions": noted["sessions"][:2], "told_in": None}
    (invoices / "FV-0001.xml").unlink()
    add_invoice(invoices)
    result = operator(invoices, on_rejected="warn").execute(context(state))
    assert result["sessions"][:2] == whole["sessions"][:2]
    assert (result["invoice_count"], result["accepted"], len(result["sessions"])) == (8, 8, 3)
    assert opened(connected) == 4


@pytest.mark.parametrize("keeps_rows", [False, True])
def test_a_list_that_is_not_whole_is_no_list_of_the_accepted(
    connected: EmulatorProcess, invoices: Path, keeps_rows: bool
) -> None:
    (invoices / "wrong.xml").write_bytes(wrong_invoice())
    parameters = {"tables_path": tables(invoices)} if keeps_rows else {}
    answer(connected, "^/sessions/[^/]+/invoices", {"invoices": []}, 1)
    state = NotedState()
    task = operator(invoices, on_rejected="warn", **parameters)
    with pytest.raises(KsefIntegrityError, match=r"KSeF lists 0 of \d invoices.*again in some minutes"):
        task.execute(context(state))
    result = task.execute(context(state))
    assert (result["accepted"], result["rejected"], len(result["rejections"])) == (COUNT, 1, 1)
    assert opened(connected) == 1


def test_answers_are_kept_where_ksef_counts_other_invoices_than_were_sent(
    connected: EmulatorProcess, invoices: Path
) -> None:
    created = "2026-09-01T10:00:00+00:00"
    status = {"code": 200, "description": "x"}
    counts = {"invoiceCount": COUNT + 1, "successfulInvoiceCount": COUNT + 1, "failedInvoiceCount": 0}
    operator(invoices, tables_path=tables(invoices), wait_for_completion=False).execute(context())
    answer(
        connected,
        "^/sessions/[^/]+$",
        {"status": status, "dateCreated": created, "dateUpdated": created, **counts},
        100,
    )
    with pytest.raises(KsefIntegrityError, match="3 invoices sent, KSeF judged 4"):
        operator(invoices, tables_path=tables(invoices)).execute(context())
    assert states(invoices) == {"accepted": COUNT}
