"""What interactive sending keeps: a row before each invoice, KSeF's answers, UPO, and what was rejected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client.duplicates import CONFLICT
from airflow_provider_ksef.exceptions import KsefSessionError, KsefTimeoutError
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.online_note import OnlineNotes
from airflow_provider_ksef.operators.online_rows import OnlineRows
from tests.crash.ksefs_side import held_hashes
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.kept_rows import rows
from tests.system.operator_context import NotedState, context

COUNT = 3
OPENED = "POST /sessions/online"
SENT = "POST /sessions/online/{referenceNumber}/invoices"


class Killed(BaseException):
    """The worker dies at once."""


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def send(invoices: Path, state: NotedState | None = None, **parameters: Any) -> Any:
    """Run one try; without a state as on an Airflow before 3.3."""
    given = {"poll_interval": 0.1, "tables_path": str(invoices.parent / "tables"), **parameters}
    operator = KsefSendInvoicesOperator(task_id="send", invoices=str(invoices), **given)
    return operator.execute(context(state))


def states(invoices: Path) -> dict[str, Counter[str]]:
    """Count the states of each session's rows, the sessions in the order in which they were opened."""
    found: dict[str, Counter[str]] = {}
    for row in sorted(rows(invoices), key=lambda row: row["sent_at"]):
        found.setdefault(row["session_reference_number"], Counter())[row["state"]] += 1
    return found


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Let the next try die at an invoice: between its row and its sending, or when it was sent."""

    def dying(real: Callable[..., None], left: int) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            nonlocal left
            left -= 1
            real(*arguments)
            if left == 0:
                raise Killed

        return call

    def order(where: str, number: int) -> None:
        if where == "sent":  # the session is noted before
            monkeypatch.setattr(OnlineNotes, "keep", dying(OnlineNotes.keep, number + 1))
        else:
            monkeypatch.setattr(OnlineRows, "sending", dying(OnlineRows.sending, number))

    return order


def test_rows_are_there_before_the_answer_and_completed_by_it_and_lead_another_task_to_it(
    connected: EmulatorProcess, invoices: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        send(invoices, timeout=0)
    assert [row["state"] for row in rows(invoices)] == ["sent"] * COUNT
    result = send(invoices)
    kept = rows(invoices)
    assert [row["state"] for row in kept] == ["accepted"] * COUNT
    assert {row["ksef_number"] for row in kept} == set(connected.ksef_numbers(subject_type="Subject1"))
    assert sorted(row["file_name"] for row in kept) == sorted(file.name for file in invoices.iterdir())
    assert send(invoices, NotedState()) == result
    assert connected.requests()[SENT] == COUNT


@pytest.mark.parametrize(("where", "number"), [("noted", 2), ("sent", 1)])
def test_without_a_state_store_the_rows_tell_of_the_sessions(
    connected: EmulatorProcess, invoices: Path, kill: Callable[[str, int], None], where: str, number: int
) -> None:
    kill(where, number)
    with pytest.raises(Killed):
        send(invoices)
    result = send(invoices)
    assert (result["invoice_count"], result["accepted"], result["rejected"]) == (COUNT, COUNT, 0)
    assert [len(numbers) for numbers in held_hashes(connected).values()] == [1] * COUNT
    assert connected.requests()[SENT] == COUNT
    kept = rows(invoices)
    assert Counter(row["state"] for row in kept) == Counter(accepted=COUNT, unprocessed=where == "noted")


def test_what_ksef_has_dropped_is_a_row_in_both_sessions(connected: EmulatorProcess, invoices: Path) -> None:
    connected.control("faults", kind="invoice-status", code=550, times=1)
    with pytest.raises(KsefSessionError, match="the next try sends those again"):
        send(invoices)
    result = send(invoices)
    assert (result["accepted"], len(result["sessions"])) == (COUNT, 2)
    first, second = result["sessions"]
    assert states(invoices) == {
        first: Counter(accepted=COUNT - 1, unprocessed=1),
        second: Counter(accepted=1),
    }
    assert connected.requests()[SENT] == COUNT + 1


def test_another_invoice_of_the_same_number_is_a_conflict(connected: EmulatorProcess, invoices: Path) -> None:
    send(invoices)
    changed = invoices / "FV-0002.xml"
    changed.write_bytes(changed.read_bytes() + b"<!-- printed again -->")
    result = send(invoices, on_rejected="warn")
    assert (result["accepted"], result["rejected"]) == (COUNT - 1, 1)
    assert result["rejections"][0]["file"] == str(changed)
    assert Counter(row["state"] for row in rows(invoices)) == {
        "accepted": COUNT,
        "already_accepted": COUNT - 1,
        CONFLICT: 1,
    }


def test_a_file_that_changes_between_two_tries_gets_a_row_of_its_own(
    connected: EmulatorProcess, invoices: Path, kill: Callable[[str, int], None]
) -> None:
    state = NotedState()
    kill("sent", 2)
    with pytest.raises(Killed):
        send(invoices, state)
    more = sample_invoices(invoices.parent / "more", count=COUNT + 1)
    (invoices / "FV-0001.xml").write_bytes((more / f"FV-{COUNT + 1:04d}.xml").read_bytes())
    result = send(invoices, state)
    assert (result["accepted"], len(result["sessions"])) == (COUNT + 1, 1)
    kept = {row["file_name"]: row["state"] for row in rows(invoices)}
    assert len(kept) == COUNT + 1
    assert set(kept.values()) == {"accepted"}


def test_rows_that_are_kept_from_the_second_try_on_tell_of_what_that_has_sent(
    connected: EmulatorProcess, invoices: Path, kill: Callable[[str, int], None]
) -> None:
    state = NotedState()
    kill("sent", 2)
    with pytest.raises(Killed):
        send(invoices, state, tables_path=None)
    assert send(invoices, state)["accepted"] == COUNT
    assert [row["state"] for row in rows(invoices)] == ["accepted"]


def test_upo_are_saved_and_rejected_files_are_kept(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    (invoices / "wrong.xml").write_bytes(wrong_invoice())
    upo, apart = tmp_path / "upo", tmp_path / "apart"
    result = send(invoices, on_rejected="warn", upo_path=str(upo), rejected_path=str(apart))
    assert (result["accepted"], result["rejected"]) == (COUNT, 1)
    accepted = [row for row in rows(invoices) if row["state"] == "accepted"]
    folder = upo / result["session_reference_number"]
    assert {Path(row["upo_path"]) for row in accepted} == {
        folder / f"{number}.xml" for number in connected.ksef_numbers(subject_type="Subject1")
    }
    assert all(b"Potwierdzenie" in file.read_bytes() for file in folder.iterdir())
    assert len(list(folder.iterdir())) == COUNT + 1
    assert (apart / "wrong.xml").read_bytes() == wrong_invoice()
    assert json.loads((apart / "wrong.xml.reasons.json").read_text())["code"] == 450
