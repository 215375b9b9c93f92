"""Operators that keep tables in order, as tasks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefStaleTableError
from airflow_provider_ksef.operators.compaction import KsefCompactTableOperator
from airflow_provider_ksef.operators.freshness import KsefCheckFreshnessOperator
from airflow_provider_ksef.operators.retention import KsefDeleteRowsOperator
from airflow_provider_ksef.sensors.month_complete import KsefMonthCompleteSensor
from airflow_provider_ksef.tables.completeness import complete_months, is_month_complete
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.conftest import seed
from tests.system.operator_context import context
from tests.system.test_example_dags import month_start
from tests.system.test_triggers import event_of
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows

PART = f"{KEY.context}/{KEY.subject_type}"


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Three windows up to half an hour ago."""
    root = UPath(tmp_path / "tables")
    put(root, "2026-01-01", "2026-02-10", tiny_rows(a="2026-01-05", b="2026-02-05"))
    put(root, "2026-02-10", "2026-02-20", tiny_rows(c="2026-02-15"))
    now = datetime.now(UTC) - timedelta(minutes=30)
    put(root, "2026-02-20", now.isoformat(), tiny_rows(d="2026-02-25"))
    return root


def run(operator: Any) -> Any:
    return operator.execute(context())


def test_files_of_closed_months_are_merged(root: UPath) -> None:
    compact = {"task_id": "compact", "tables_path": str(root)}
    month = {"part": PART, "table": "invoices", "month": "2026-02", "rows": 3}
    month |= {"files_before": 3, "files_after": 1}
    expected = {"months": [month], "files_before": 3, "files_after": 1}
    assert run(KsefCompactTableOperator(dry_run=True, **compact)) == expected
    assert run(KsefCompactTableOperator(**compact, keep_open_months=1))["months"] == []
    assert run(KsefCompactTableOperator(**compact)) == expected
    assert run(KsefCompactTableOperator(**compact))["months"] == []
    assert numbers(root) == ["a", "b", "c", "d"]


def test_rows_are_deleted_once_and_for_good(root: UPath) -> None:
    delete = {"task_id": "delete", "tables_path": str(root)}
    counted = run(KsefDeleteRowsOperator(before=date(2026, 2, 10), dry_run=True, **delete))
    assert counted["deleted"][PART]["invoices"] == 2
    assert run(KsefDeleteRowsOperator(before="2026-02-10", **delete)) == counted
    put(root, "2026-01-01", "2026-02-10", tiny_rows(a="2026-01-05"), moves_watermark=False)
    assert numbers(root) == ["c", "d"]
    assert run(KsefDeleteRowsOperator(before="2026-02-10", **delete))["deleted"][PART]["invoices"] == 0
    with pytest.raises(KsefInputError, match="nothing says which rows"):
        run(KsefDeleteRowsOperator(**delete))
    with pytest.raises(KsefInputError, match=r"nip=.* is on all invoices of nip-5250001210"):
        run(KsefDeleteRowsOperator(nip="5250001210", **delete))


def test_a_month_is_waited_for(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = KsefMonthCompleteSensor(task_id="wait", tables_path=str(root), month="2026-03")
    assert (sensor.mode, sensor.poke_interval) == ("reschedule", 900)
    poked = sensor.poke(context())
    assert poked.is_done
    assert poked.xcom_value["month"] == "2026-03"
    assert list(poked.xcom_value["watermark"]) == [PART]
    for lacking in (
        {"month": f"{datetime.now(UTC):%Y-%m}"},
        {"month": "2025-12"},
        {"require_verified": True},
        {"subject_types": ["Subject1", "Subject2"]},
        {"contexts": [KEY.context, "nip-1111111111"]},
        {"tables_path": f"{root}/nothing-yet"},
    ):
        given = {"tables_path": str(root), "month": "2026-03", **lacking}
        assert not KsefMonthCompleteSensor(task_id="wait", **given).poke(context()).is_done, lacking
    with pytest.raises(KsefInputError, match="month"):
        KsefMonthCompleteSensor(task_id="wait", tables_path=str(root), month="3/2026").poke(context())


def test_a_month_is_waited_for_without_a_slot(tmp_path: Path) -> None:
    root = UPath(tmp_path / "tables")
    given: dict[str, Any] = {"month": "2026-01", "tables_path": str(root), "deferrable": True}
    sensor = KsefMonthCompleteSensor(task_id="wait", poke_interval=0.2, timeout=20, **given)
    with pytest.raises(TaskDeferred) as waiting:
        sensor.execute(context())
    event = event_of(waiting.value.trigger)
    with pytest.raises(TaskDeferred) as waiting_on:
        sensor.execute_complete(context(), event)
    deadline = waiting.value.trigger.resume["deadline"]
    assert waiting_on.value.trigger.resume["deadline"] == deadline
    put(root, "2025-12-31", "2026-02-10", tiny_rows(a="2026-01-05"))
    assert sensor.execute_complete(context(), event)["month"] == "2026-01"
    late = KsefMonthCompleteSensor(task_id="wait", timeout=0, **{**given, "month": "2026-02"})
    with pytest.raises(AirflowSensorTimeout, match="2026-02 was not complete within 0 s"):
        late.execute(context())


def test_a_month_that_was_found_wanting_is_complete_after_the_repair(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    first, last = month_start(2), month_start(1)
    into: dict[str, Any] = {"tables_path": str(tmp_path / "tables"), "poll_interval": 0.1}
    seed(connected, 30, first, last - timedelta(seconds=1))
    run(KsefSyncInvoicesOperator(task_id="sync", sync_from=first.isoformat(), **into))
    month = f"{first:%Y-%m}"
    assert is_month_complete(into["tables_path"], month)
    next((tmp_path / "tables").glob("invoices/**/*.parquet")).unlink()
    with pytest.raises(AirflowFailException, match="missing"):
        run(KsefVerifyInvoicesOperator(task_id="verify", **into))
    assert not is_month_complete(into["tables_path"], month)
    assert complete_months(into["tables_path"]) == []
    run(KsefVerifyInvoicesOperator(task_id="verify", repair=True, **into))
    assert is_month_complete(into["tables_path"], month, require_verified=True)


def test_a_table_that_lags_fails_and_tells(root: UPath) -> None:
    fresh = {"task_id": "fresh", "tables_path": str(root)}
    assert 1800 <= run(KsefCheckFreshnessOperator(**fresh))[PART] < 1900
    with pytest.raises(KsefStaleTableError, match=rf"{PART} lags 0:30:\d\d\.\d+ behind; allowed are 0:20:00"):
        run(KsefCheckFreshnessOperator(max_lag=timedelta(minutes=20), **fresh))
    given = context()
    with pytest.raises(KsefStaleTableError, match="there is no table of Subject1"):
        KsefCheckFreshnessOperator(subject_types=["Subject1", "Subject2"], **fresh).execute(given)
    assert list(given["ti"].pushed["result"]) == [PART]
    with pytest.raises(KsefInputError, match="max_lag"):
        KsefCheckFreshnessOperator(max_lag=timedelta(0), **fresh)


def test_a_backfill_alone_is_not_fresh(tmp_path: Path) -> None:
    put(UPath(tmp_path), "2026-01-01", "2026-02-10", tiny_rows(a="2026-01-05"), moves_watermark=False)
    with pytest.raises(KsefStaleTableError, match="has no watermark"):
        run(KsefCheckFreshnessOperator(task_id="fresh", tables_path=str(tmp_path)))


@pytest.mark.parametrize("operator", [KsefCompactTableOperator, KsefDeleteRowsOperator])
def test_bad_input_is_refused_before_anything_is_done(operator: Any, root: UPath, tmp_path: Path) -> None:
    for wrong in (
        {"tables_path": str(tmp_path / "nothing")},
        {"tables_path": " "},
        {"subject_types": "Subject2"},
        {"subject_types": ["Subject9"]},
        {"contexts": ["5250001210"]},
    ):
        with pytest.raises(KsefInputError):
            run(operator(task_id="keep", **{"tables_path": str(root), **wrong}))
    with pytest.raises(KsefInputError, match="keep_open_months"):
        KsefCompactTableOperator(task_id="keep", tables_path=str(root), keep_open_months=-1)


def test_a_month_that_retention_cut_is_waited_for_no_longer(root: UPath) -> None:
    run(KsefDeleteRowsOperator(task_id="delete", tables_path=str(root), before="2026-02-10"))
    sensor = {"task_id": "wait", "tables_path": str(root)}
    with pytest.raises(AirflowFailException, match=rf"2026-02 will not be complete: .* from {PART}"):
        KsefMonthCompleteSensor(month="2026-02", **sensor).poke(context())
    assert KsefMonthCompleteSensor(month="2026-03", **sensor).poke(context()).is_done


def test_the_example_proves_the_month_and_merges_its_files(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    dag_id = "example_ksef_keep_tables"
    first, last = month_start(2), month_start(1)
    middle = first + timedelta(days=10)
    into: dict[str, Any] = {"tables_path": str(tmp_path / "tables"), "poll_interval": 0.1}
    seed(connected, 40, first, last - timedelta(seconds=1))
    for start, end in ((first, middle), (middle, last)):
        bounds = {"date_from": start.isoformat(), "date_to": end.isoformat()}
        run(KsefBackfillInvoicesOperator(task_id="backfill", **bounds, **into))
    run(KsefSyncInvoicesOperator(task_id="sync", sync_from=first.isoformat(), **into))
    path = {"tables_path": into["tables_path"]}
    done = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, path, logical_date=last)
    assert done.state == "success"
    assert done.xcom("verify")["invoices"] == 40
    assert done.xcom("complete")["month"] == f"{first:%Y-%m}"
    assert done.xcom("compact")["files_before"] == 2
    [deleted] = done.xcom("forget")["deleted"].values()
    assert set(deleted.values()) == {0}
