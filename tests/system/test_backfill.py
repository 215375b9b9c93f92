"""A backfill fills an interval window by window, and leaves the watermark where it is."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables import lease, read
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.system.backfill_ways import FIRST, LAST, NOW, backfill, numbers
from tests.system.conftest import seed
from tests.system.operator_context import context


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, 500, FIRST + timedelta(days=1), LAST - timedelta(days=1))
    return connected


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
