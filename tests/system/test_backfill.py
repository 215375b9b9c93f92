"""A backfill fills an interval window by window, each on its own, and leaves the watermark where it is."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred
from upath import UPath

from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefLeaseError,
    KsefTriggererError,
    KsefUnavailableError,
    KsefWindowError,
)
from airflow_provider_ksef.tables import lease, read
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.lease import Lease
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import NotedState, context

NOW = datetime.now(UTC)
FIRST = NOW - timedelta(days=200)
LAST = NOW - timedelta(hours=1)
EXPORTS = "POST /invoices/exports"
STATUS = {"method": "GET", "path": "/v2/invoices/exports/.*"}


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, 500, FIRST + timedelta(days=1), LAST - timedelta(days=1))
    return connected


def backfill(tables: Path, **parameters: Any) -> KsefBackfillInvoicesOperator:
    given = {"date_from": str(FIRST), "date_to": str(LAST), "poll_interval": 0.1, **parameters}
    return KsefBackfillInvoicesOperator(task_id="backfill", tables_path=str(tables), **given)


def numbers(tables: Path) -> list[str]:
    return sorted(read("invoices", tables).column("ksef_number").to_pylist())


def watermarks(tables: Path) -> list[Path]:
    return [file for file in (tables / "_ksef").rglob("watermark/**/*") if file.is_file()]


@pytest.mark.parametrize("date_type", ["PermanentStorage", "Invoicing", "Issue"])
def test_every_date_type_brings_the_whole_interval_and_no_watermark(
    received: EmulatorProcess, tmp_path: Path, date_type: str
) -> None:
    result = backfill(tmp_path, date_type=date_type, date_from=str(FIRST - timedelta(days=40))).execute(
        context()
    )
    assert numbers(tmp_path) == sorted(received.ksef_numbers())
    assert [window["state"] for window in result["windows"]] == ["succeeded"] * 3
    assert sum(window["rows"] for window in result["windows"]) == result["rows"] == 500
    assert result["exports"] > 3  # the emulator cuts packages at 200
    assert watermarks(tmp_path) == []


def test_adjacent_intervals_leave_nothing_out_and_double_nothing(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    stored = read_storage_dates(received, tmp_path / "truth")
    middle = stored[len(stored) // 2].isoformat()  # an invoice lies on the boundary itself
    tables = tmp_path / "tables"
    first = backfill(tables, date_to=middle).execute(context(run_id="first"))
    second = backfill(tables, date_from=middle).execute(context(run_id="second"))
    assert first["rows"] + second["rows"] == 500
    assert numbers(tables) == sorted(received.ksef_numbers())


def read_storage_dates(emulator: EmulatorProcess, tables: Path) -> list[datetime]:
    backfill(tables).execute(context())
    return sorted(read("invoices", tables).column("permanent_storage_date").to_pylist())


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


def test_a_deferred_backfill_goes_on_by_what_the_trigger_kept(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    deferrals, event = 0, None
    while True:
        operator = backfill(tmp_path, deferrable=True, subject_types=("Subject1", "Subject2"))
        try:
            result = operator.execute_complete(context(), event) if event else operator.execute(context())
        except TaskDeferred as deferred:
            deferrals += 1
            event = asyncio.run(anext(aiter(deferred.trigger.run()))).payload
        else:
            break
    assert deferrals == result["exports"] >= 6
    assert [window["state"] for window in result["windows"]] == ["succeeded"] * 6
    assert numbers(tmp_path) == sorted(received.ksef_numbers())


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


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"date_to": "2999-01-01"}, "date_to"),
        ({"date_to": "2999-01-01", "date_type": "Issue"}, "date_to"),
        ({"date_from": "2026-02-01", "date_to": "2026-02-01"}, "date_to"),
        ({"date_from": "2021-12-31"}, "date_from"),
        ({"date_from": "None"}, "date_from"),
        ({"date_type": "Acquisition"}, "date_type"),
        ({"subject_types": ()}, "subject_types"),
    ],
)
def test_wrong_intervals_are_refused_before_anything_is_sent(
    received: EmulatorProcess, tmp_path: Path, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(KsefInputError, match=f"{field}="):
        backfill(tmp_path, **wrong).execute(context())
    assert received.requests() == {}


def test_a_dry_run_tells_the_plan_and_calls_nothing(received: EmulatorProcess, tmp_path: Path) -> None:
    plan = backfill(tmp_path, dry_run=True, subject_types=("Subject1", "Subject2")).execute(context())
    assert (plan["exports"], plan["budget"], plan["hours"]) == (6, 0.3, 0)
    sync = KsefSyncInvoicesOperator(
        task_id="sync", tables_path=str(tmp_path), sync_from=str(FIRST.date()), dry_run=True
    )
    assert sync.execute(context())["exports"] == 3
    assert received.requests() == {}


def run_until_done(kind: str, tables: str, run_id: str, days: tuple[int, int]) -> None:
    lease.PAUSE_SECONDS = 0.05
    bounds = [str(NOW - timedelta(days=day)) for day in days]
    if kind == "sync":
        KsefSyncInvoicesOperator(
            task_id="sync", tables_path=tables, sync_from=str(FIRST.date()), poll_interval=0.1
        ).execute(context(run_id=run_id))
    else:
        backfill(Path(tables), date_from=bounds[0], date_to=bounds[1]).execute(context(run_id=run_id))


def test_sync_and_backfills_of_several_runs_may_write_at_once(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    processes = multiprocessing.get_context("fork")
    work = [("sync", (0, 0)), ("backfill", (200, 90)), ("backfill", (120, 60)), ("backfill", (90, 1))]
    running = [
        processes.Process(target=run_until_done, args=(kind, str(tmp_path), f"run-{number}", days))
        for number, (kind, days) in enumerate(work)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0] * len(work)
    assert Counter(numbers(tmp_path)) == Counter(received.ksef_numbers())


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
