"""A sync that is cut leaves the table as after the last committed window; the next run completes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.exceptions import KsefError, KsefInputError, KsefTableError, KsefTimeoutError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import NotedState, context

COUNT = 250


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    now = datetime.now(UTC)
    seed(connected, COUNT, now - timedelta(days=60), now - timedelta(hours=1))
    return connected


def operator(tables: Path, **parameters: Any) -> KsefSyncInvoicesOperator:
    given = {
        "sync_from": str((datetime.now(UTC) - timedelta(days=70)).date()),
        "poll_interval": 0.1,
        **parameters,
    }
    return KsefSyncInvoicesOperator(task_id="sync", tables_path=str(tables), **given)


def numbers(tables: Path) -> list[str]:
    found: list[str] = read("invoices", tables).column("ksef_number").to_pylist()
    return sorted(found)


CUT_STEPS = {
    "challenge": ("POST", "/v2/auth/challenge"),
    "login": ("POST", "/v2/auth/ksef-token"),
    "redeem": ("POST", "/v2/auth/token/redeem"),
    "export": ("POST", "/v2/invoices/exports"),
    "status": ("GET", "/v2/invoices/exports/.*"),
    "download": ("GET", "/storage/.*"),
}


FAULTS = {
    "cut before": {"drop": "before"},
    "cut after": {"drop": "after"},
    "502": {"status": 502, "body": "<html>"},
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", CUT_STEPS)
def test_a_step_that_fails_leaves_the_last_committed_window(
    received: EmulatorProcess, tmp_path: Path, step: str, fault: str
) -> None:
    state = NotedState()
    operator(tmp_path, max_exports=1).execute(context())
    committed = numbers(tmp_path)
    assert len(committed) == 200

    method, path = CUT_STEPS[step]
    received.control("faults", method=method, path=path, times=6, **FAULTS[fault])
    failures = 0
    while failures < 10:
        try:
            result = operator(tmp_path).execute(context(state))
        except KsefError:
            failures += 1
            assert numbers(tmp_path) == committed
        else:
            break
    assert failures > 0
    assert result["rows"] == COUNT - 200
    assert numbers(tmp_path) == sorted(received.ksef_numbers())


def test_a_next_try_takes_the_export_that_the_last_one_began(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state = NotedState()
    received.control("faults", method="GET", path="/storage/.*", times=6, status=500)
    with pytest.raises(KsefError):
        operator(tmp_path, max_exports=1).execute(context(state))
    while state:
        operator(tmp_path, max_exports=0).execute(context(state))
    assert received.requests()["POST /invoices/exports"] == 1
    assert len(numbers(tmp_path)) == 200


def test_an_export_of_another_secret_is_begun_anew(received: EmulatorProcess, tmp_path: Path) -> None:
    state = NotedState()
    operator(tmp_path, max_exports=1).execute(context(state))
    kept = numbers(tmp_path)
    received.control("faults", method="GET", path="/storage/.*", times=20, status=500)
    with pytest.raises(KsefError):
        operator(tmp_path).execute(context(state))
    noted = state["export:Subject2"]
    state["export:Subject2"] = {**noted, "check_value": "00" * 8}
    assert numbers(tmp_path) == kept
    begun = received.requests()["POST /invoices/exports"]
    with pytest.raises(KsefError):
        operator(tmp_path).execute(context(state))
    assert received.requests()["POST /invoices/exports"] == begun + 1
    assert state["export:Subject2"]["reference_number"] != noted["reference_number"]


def test_an_export_that_hangs_is_given_up_and_the_next_try_begins_another(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state = NotedState()
    hanging = {"status": {"code": 100, "description": "Eksport faktur w toku"}}
    received.control(
        "faults", method="GET", path="/v2/invoices/exports/.*", times=1000, status=200, body=hanging
    )
    with pytest.raises(KsefTimeoutError, match="was not ready within"):
        operator(tmp_path, timeout=0.5).execute(context(state))
    assert state == {}


def test_a_key_that_ksef_could_not_decrypt_is_read_anew(received: EmulatorProcess, tmp_path: Path) -> None:
    refused = {"status": {"code": 415, "description": "Błąd odszyfrowania dostarczonego klucza"}}
    received.control(
        "faults", method="GET", path="/v2/invoices/exports/.*", times=1, status=200, body=refused
    )
    operator(tmp_path).execute(context())
    assert received.requests()["GET /security/public-key-certificates"] == 2


def test_the_state_store_is_not_needed(received: EmulatorProcess, tmp_path: Path) -> None:
    operator(tmp_path).execute(context())
    assert numbers(tmp_path) == sorted(received.ksef_numbers())


def test_what_is_noted_holds_no_secret(received: EmulatorProcess, tmp_path: Path) -> None:
    state = NotedState()
    received.control("faults", method="GET", path="/storage/.*", times=50, status=500)
    with pytest.raises(KsefError):
        operator(tmp_path).execute(context(state))
    assert set(state["export:Subject2"]) == {
        "reference_number",
        "subject_type",
        "window_start",
        "window_end",
        "salt",
        "check_value",
        "date_type",
        "only_metadata",
    }


def test_a_first_run_needs_sync_from(received: EmulatorProcess, tmp_path: Path) -> None:
    with pytest.raises(KsefInputError, match="sync_from"):
        operator(tmp_path, sync_from=None).execute(context())
    assert received.requests() == {}


@pytest.mark.parametrize("wrong", ["2021-12-31", "yesterday", "2026-13-01", "2999-01-01"])
def test_a_wrong_sync_from_is_refused(received: EmulatorProcess, tmp_path: Path, wrong: str) -> None:
    with pytest.raises(KsefInputError, match="sync_from"):
        operator(tmp_path, sync_from=wrong).execute(context())
    assert received.requests() == {}


def test_a_tables_path_that_holds_something_else_is_refused(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(KsefInputError, match="tables_path"):
        operator(tmp_path).execute(context())
    with pytest.raises(KsefInputError, match="tables_path"):
        operator(tmp_path / "holiday.jpg").execute(context())
    assert received.requests() == {}


@pytest.mark.parametrize("wrong", [(), "Subject2", ("Subject9",), None])
def test_wrong_subject_types_are_refused(received: EmulatorProcess, tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(KsefInputError, match="subject_types"):
        operator(tmp_path, subject_types=wrong).execute(context())


def test_the_table_of_another_environment_is_refused_before_anything_is_sent(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    (tmp_path / "_ksef").mkdir()
    (tmp_path / "_ksef" / "environment.json").write_text('{"environment": "production"}')
    with pytest.raises(KsefTableError, match=r"'production'.*'test:127.0.0.1'"):
        operator(tmp_path).execute(context())
    assert received.requests() == {}


def test_nothing_new_on_the_first_run_is_noted_for_the_second(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    beyond = {"exception": {"exceptionDetailList": [{"exceptionCode": 21183, "exceptionDescription": "x"}]}}
    received.control("faults", method="POST", path="/invoices/exports", times=1, status=400, body=beyond)
    first = operator(tmp_path).execute(context())
    assert (first["rows"], first["exports"]) == (0, 0)
    second = operator(tmp_path, sync_from=None).execute(context())
    assert second["rows"] == COUNT


def test_nothing_committed_is_not_told_as_complete(received: EmulatorProcess, tmp_path: Path) -> None:
    result = operator(tmp_path, max_exports=0).execute(context())
    assert result["watermark"] == {"Subject2": None}
    assert result["complete_through"] == {"Subject2": None}


@pytest.mark.parametrize("broken", ["x", {"a": 1}, {"salt": "zz"}])
def test_a_note_that_cannot_be_read_is_no_note(
    received: EmulatorProcess, tmp_path: Path, broken: Any
) -> None:
    if isinstance(broken, dict) and "salt" in broken:
        rest = ("reference_number", "subject_type", "window_start", "window_end", "check_value")
        broken |= dict.fromkeys(rest, "x")
    result = operator(tmp_path).execute(context(NotedState({"export:Subject2": broken})))
    assert result["rows"] == COUNT


def test_a_state_store_that_fails_costs_nothing_but_calls(received: EmulatorProcess, tmp_path: Path) -> None:
    class Broken(NotedState):
        def get(self, *_: Any) -> Any:
            raise RuntimeError("the API server is gone")

        set = delete = get

    assert operator(tmp_path).execute(context(Broken()))["rows"] == COUNT


def test_an_empty_tables_path_is_refused(received: EmulatorProcess) -> None:
    for empty in ("", " "):
        with pytest.raises(KsefInputError, match="tables_path"):
            KsefSyncInvoicesOperator(task_id="sync", tables_path=empty).execute(context())
    assert received.requests() == {}


def test_a_home_folder_is_the_users(
    received: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    operator(Path("~/tables")).execute(context())
    assert (tmp_path / "tables" / "invoices").is_dir()


def test_a_secret_that_changed_while_the_task_was_deferred_costs_one_export(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        operator(tmp_path, deferrable=True).execute(context())
    event = asyncio.run(anext(aiter(deferred.value.trigger.run()))).payload
    event["resume"]["pending"]["check_value"] = "00" * 8
    operator(tmp_path).execute_complete(context(), event)
    assert numbers(tmp_path) == sorted(received.ksef_numbers())
