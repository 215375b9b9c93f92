"""A session that was opened and not closed: closed where it certainly holds the same, else left alone."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.client import packing
from airflow_provider_ksef.client.deflating import Engine
from airflow_provider_ksef.client.submission import open_and_upload
from airflow_provider_ksef.exceptions import KsefError, KsefLeaseError
from airflow_provider_ksef.operators import batch_sending
from airflow_provider_ksef.operators.batch_sending import BatchSender
from airflow_provider_ksef.operators.submission_note import STATE_KEY
from airflow_provider_ksef.tables.manifest import manifest_digests
from airflow_provider_ksef.tables.reading import read
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices, wrong_invoice
from tests.system.operator_context import NotedState, context
from tests.system.submit_ways import operator

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


@contextmanager
def dying_at(step: str) -> Iterator[None]:
    """A worker that dies when it is about to do a step of the sender."""

    def die(*_: object) -> None:
        raise KsefError("The worker is gone.", "Try again.")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BatchSender, step, die)
        with pytest.raises(KsefError, match="gone"):
            yield


def opened(emulator: EmulatorProcess) -> int:
    return emulator.requests()["POST /sessions/batch"]


@pytest.fixture(params=["state", "tables"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What outlives a try: the task's state, or the tables alone as on an older Airflow."""
    if request.param == "state":
        return {"context": context(NotedState()), "parameters": {}}
    return {"context": context(), "parameters": {"tables_path": str(tmp_path / "tables")}}


def test_one_that_has_all_parts_is_closed(
    connected: EmulatorProcess, invoices: Path, ways: dict[str, Any]
) -> None:
    with dying_at("_uploaded"):
        operator(invoices, **ways["parameters"]).execute(ways["context"])
    assert operator(invoices, **ways["parameters"]).execute(ways["context"])["accepted"] == COUNT
    assert opened(connected) == 1


def test_one_that_another_library_has_packed_is_left_alone(
    connected: EmulatorProcess, invoices: Path, ways: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with dying_at("_uploaded"):
        operator(invoices, **ways["parameters"]).execute(ways["context"])
    monkeypatch.setattr(packing, "best_engine", lambda _: Engine(zlib, 1))
    assert operator(invoices, **ways["parameters"]).execute(ways["context"])["accepted"] == COUNT
    assert opened(connected) == 2


def test_one_whose_key_cannot_be_made_again_is_left_alone(
    connected: EmulatorProcess, invoices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = NotedState()
    with dying_at("_uploaded"):
        operator(invoices).execute(context(state))
    (session,) = state[STATE_KEY]["sessions"]
    session["check_value"] = "00" * 8
    assert operator(invoices).execute(context(state))["accepted"] == COUNT
    assert opened(connected) == 2


def test_one_that_lacks_a_part_is_left_alone_and_its_rows_say_so(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    connected.control("faults", method="PUT", path="/storage/.*", times=1, status=403)
    with pytest.raises(KsefError):
        operator(invoices, tables_path=str(tables)).execute(context())
    assert operator(invoices, tables_path=str(tables)).execute(context())["accepted"] == COUNT
    assert opened(connected) == 2
    states = [row["state"] for row in read("submissions", tables).to_pylist()]
    assert sorted(states) == ["accepted"] * COUNT + ["unprocessed"] * COUNT


def test_the_note_holds_what_a_next_try_needs_and_no_secret(
    connected: EmulatorProcess, invoices: Path
) -> None:
    state = NotedState()
    with dying_at("_uploaded"):
        operator(invoices).execute(context(state))
    (session,) = state[STATE_KEY]["sessions"]
    assert session.keys() == {
        "session_reference_number",
        "digest",
        "invoice_count",
        "salt",
        "check_value",
        "manifest_digest",
        "is_uploaded",
    }


def test_the_manifest_goes_when_the_rows_are_complete(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    with dying_at("_uploaded"):
        operator(invoices, tables_path=str(tables)).execute(context())
    assert len(manifest_digests(UPath(tables), f"nip-{NIP}")) == 1
    operator(invoices, tables_path=str(tables)).execute(context())
    assert manifest_digests(UPath(tables), f"nip-{NIP}") == []


def test_of_two_tasks_with_the_same_files_one_stops_before_it_uploads(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    tables = str(tmp_path / "tables")

    def overtaken(*given: Any, **named: Any) -> str:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(batch_sending, "open_and_upload", open_and_upload)
            operator(invoices, tables_path=tables, wait_for_completion=False).execute(context(run_id="other"))
        return open_and_upload(*given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batch_sending, "open_and_upload", overtaken)
        with pytest.raises(KsefLeaseError, match="same files"):
            operator(invoices, tables_path=tables).execute(context())
    assert operator(invoices, tables_path=tables).execute(context())["accepted"] == COUNT
    requests = connected.requests()
    assert sum(count for name, count in requests.items() if name.endswith("/close")) == 1
    assert sum(count for name, count in requests.items() if name.startswith("PUT")) == 1


def test_of_two_tasks_with_the_same_files_the_later_one_may_close_for_both(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    tables = str(tmp_path / "tables")
    begin = BatchSender._begin_rows

    def overtaken(sender: BatchSender, *given: Any) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(BatchSender, "_begin_rows", begin)
            operator(invoices, tables_path=tables, wait_for_completion=False).execute(context(run_id="other"))
        begin(sender, *given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BatchSender, "_begin_rows", overtaken)
        assert operator(invoices, tables_path=tables).execute(context())["accepted"] == COUNT
    assert opened(connected) == 1


def test_without_any_note_a_next_try_looks_among_ksefs_sessions(
    connected: EmulatorProcess, invoices: Path
) -> None:
    first = operator(invoices, wait_for_completion=False).execute(context())
    again = context()
    again["ti"].try_number = 2
    result = operator(invoices).execute(again)
    assert result["session_reference_number"] == first["session_reference_number"]
    assert (opened(connected), result["accepted"]) == (1, COUNT)


def test_a_task_that_is_not_durable_sends_again_when_it_is_cleared(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    state, tables = NotedState(), str(tmp_path / "tables")
    operator(invoices, durable=False, tables_path=tables).execute(context(state))
    again = operator(invoices, durable=False, tables_path=tables).execute(context(state, max_tries=4))
    assert (opened(connected), again["accepted"]) == (2, COUNT)
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT


@pytest.mark.parametrize("keeps_rows", [False, True])
def test_a_task_that_is_cleared_since_nothing_was_accepted_sends_again(
    connected: EmulatorProcess, tmp_path: Path, keeps_rows: bool
) -> None:
    (tmp_path / "1.xml").write_bytes(wrong_invoice())
    state = NotedState()
    tables = {"tables_path": str(tmp_path / "tables")} if keeps_rows else {}
    for tries in (3, 4):
        task = operator(tmp_path, on_rejected="warn", **tables)
        assert task.execute(context(state, max_tries=tries))["rejected"] == 1
    assert opened(connected) == 2
