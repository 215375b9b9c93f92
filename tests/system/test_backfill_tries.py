"""What stops a backfill, and what its next try goes on with."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred
from upath import UPath

from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefLeaseError,
    KsefTriggererError,
    KsefUnavailableError,
    KsefWindowError,
)
from airflow_provider_ksef.tables import lease, read
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.lease import Lease
from airflow_provider_ksef.tables.storage import open_store
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.backfill_ways import EXPORTS, FIRST, LAST, STATUS, backfill, numbers
from tests.system.conftest import seed
from tests.system.operator_context import NotedState, context


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, 500, FIRST + timedelta(days=1), LAST - timedelta(days=1))
    return connected


def test_a_window_that_fails_does_not_stop_the_others_and_is_done_by_the_next_try(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state, ran = NotedState(), context()
    ran["task_state_store"] = state
    failed = {"status": {"code": 550, "description": "Operacja została anulowana przez system"}}
    received.control("faults", **STATUS, times=3, status=200, body=failed)
    with pytest.raises(KsefWindowError, match=r"1 of 3 window\(s\) failed, 0 left.*ended with status 550"):
        backfill(tmp_path).execute(ran)
    told = ran["ti"].pushed["result"]
    assert [window["state"] for window in told["windows"]] == ["failed", "succeeded", "succeeded"]
    assert "550" in told["windows"][0]["error"]
    assert 0 < len(numbers(tmp_path)) < 500

    begun = received.requests()[EXPORTS]
    result = backfill(tmp_path).execute(context(state))
    assert received.requests()[EXPORTS] - begun == result["exports"] <= 2
    assert numbers(tmp_path) == sorted(received.ksef_numbers())
    assert result["rows"] == 500
    assert set(state) == {"windows"}


def test_a_cleared_task_begins_with_all_windows(received: EmulatorProcess, tmp_path: Path) -> None:
    state = NotedState()
    with pytest.raises(KsefWindowError):
        backfill(tmp_path / "lost", max_exports=2).execute(context(state))
    assert state["windows"]["done"]
    result = backfill(tmp_path / "lost").execute(context(state, max_tries=7))
    assert all(window["rows"] == 0 for window in result["windows"][:1])
    assert result["exports"] >= 3
    assert numbers(tmp_path / "lost") == sorted(received.ksef_numbers())


@pytest.mark.parametrize("changed", [{"date_type": "Invoicing"}, {"include_documents": True}])
def test_what_was_done_otherwise_is_not_taken_for_done(
    received: EmulatorProcess, tmp_path: Path, changed: dict[str, Any]
) -> None:
    state = NotedState()
    with pytest.raises(KsefWindowError):
        backfill(tmp_path, max_exports=2).execute(context(state))
    assert state["windows"]["done"]
    result = backfill(tmp_path, **changed).execute(context(state))
    assert result["exports"] >= 3
    assert len(read("invoice_documents", tmp_path)) == 500 * ("include_documents" in changed)
    assert numbers(tmp_path) == sorted(received.ksef_numbers())


def test_the_allowed_exports_are_kept_and_the_next_tries_go_on(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state, tries = NotedState(), 0
    while True:
        tries += 1
        begun = received.requests().get(EXPORTS, 0)
        is_left = False
        try:
            backfill(tmp_path, max_exports=1).execute(context(state))
        except KsefWindowError:
            is_left = True
        assert received.requests()[EXPORTS] - begun <= 1
        if not is_left:
            break
        assert tries < 10
    assert tries > 3
    assert numbers(tmp_path) == sorted(received.ksef_numbers())


def test_ten_running_exports_stop_the_task_until_its_next_try(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    crowded = {"exceptionCode": 21182, "exceptionDescription": "Osiągnięto limit eksportów."}
    body = {"exception": {"exceptionDetailList": [crowded]}}
    received.control("faults", method="POST", path="/v2/invoices/exports", times=9, status=400, body=body)
    with pytest.raises(KsefApiError, match="21182"):
        backfill(tmp_path).execute(context())
    assert received.requests()[EXPORTS] == 1


def test_a_long_wait_for_ksef_stops_all_windows_and_spends_no_retry(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    ran = context()
    limits = {"status": 429, "headers": {"Retry-After": "1800"}, "body": {"status": {"code": 429}}}
    received.control("faults", method="POST", path="/v2/invoices/exports", times=99, **limits)
    with pytest.raises(AirflowRescheduleException) as left:
        backfill(tmp_path).execute(ran)
    assert received.requests()[EXPORTS] == 1
    assert ran["ti"].pushed == {}
    assert abs(left.value.reschedule_date - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(seconds=30)


def test_what_concerns_all_windows_stops_the_task_after_it_has_told(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    ran = context()
    maintenance = {"exception": {"exceptionDetailList": [{"exceptionCode": 21184}]}}
    received.control(
        "faults", method="POST", path="/v2/invoices/exports", times=1, status=400, body=maintenance
    )
    with pytest.raises(KsefApiError):
        backfill(tmp_path).execute(ran)
    assert received.requests()[EXPORTS] == 1
    assert [window["state"] for window in ran["ti"].pushed["result"]["windows"]] == ["left"] * 3


def test_a_next_try_takes_the_package_that_the_last_one_could_not_download(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state = NotedState()
    received.control("faults", method="GET", path="/storage/.*", times=6, status=500)
    with pytest.raises(KsefUnavailableError):
        backfill(tmp_path).execute(context(state))
    noted = state["export:Subject2"]["reference_number"]
    backfill(tmp_path).execute(context(state))
    references = set(read("invoices", tmp_path).column("export_reference").to_pylist())
    assert noted in references
    assert received.requests()[EXPORTS] == len(references)


def test_an_interval_that_ksef_has_not_passed_yet_fails_and_the_next_try_completes_it(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    state = NotedState()
    package = {"invoiceCount": 0, "size": 0, "parts": [], "isTruncated": False, "compressionType": "Zip"}
    package["permanentStorageHwmDate"] = (LAST - timedelta(days=60)).isoformat()
    early = {"status": {"code": 200, "description": "x"}, "package": package}
    received.control("faults", **STATUS, times=1, status=200, body=early)
    with pytest.raises(KsefWindowError, match="high-water mark stands at"):
        backfill(tmp_path, date_from=str(LAST - timedelta(days=80))).execute(context(state))
    result = backfill(tmp_path, date_from=str(LAST - timedelta(days=80))).execute(context(state))
    stored = read("invoices", tmp_path).column("permanent_storage_date").to_pylist()
    assert len(stored) == result["rows"] > 0
    assert min(stored) > LAST - timedelta(days=60), "the next try begins where the first one stopped"


def test_a_triggerer_that_cannot_ask_ksef_stops_the_task(received: EmulatorProcess, tmp_path: Path) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        backfill(tmp_path, deferrable=True).execute(context())
    hanging = {"status": {"code": 100, "description": "Eksport faktur w toku"}}
    received.control("faults", **STATUS, times=9, status=200, body=hanging)
    event = {
        "reference_number": deferred.value.trigger.reference_number,
        "code": None,
        "error": "no connection",
        "resume": deferred.value.trigger.resume,
    }
    with pytest.raises(KsefTriggererError, match="no connection"):
        backfill(tmp_path, deferrable=True).execute_complete(context(), event)
    assert received.requests()[EXPORTS] == 1


def test_a_table_that_another_writer_holds_keeps_the_export_for_the_next_try(
    received: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(lease, "PAUSE_SECONDS", 0.05)
    held = Lease(open_store(UPath(tmp_path)), TableKey(f"nip-{NIP}", "Subject2"), "another", time.time)
    list(held.acquire(tombstone=lambda _: b""))
    state = NotedState()
    for _ in range(2):
        with pytest.raises(KsefLeaseError, match="another has been writing"):
            backfill(tmp_path).execute(context(state))
    assert received.requests()[EXPORTS] == 1
    held.give_up()
    backfill(tmp_path).execute(context(state))
    assert numbers(tmp_path) == sorted(received.ksef_numbers())
