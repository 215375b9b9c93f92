"""Operators that keep tables in order, as tasks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefStaleTableError
from airflow_provider_ksef.operators.compaction import KsefCompactTableOperator
from airflow_provider_ksef.operators.freshness import KsefCheckFreshnessOperator
from airflow_provider_ksef.operators.retention import KsefDeleteRowsOperator
from airflow_provider_ksef.sensors.month_complete import KsefMonthCompleteSensor
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.operator_context import context
from tests.system.test_example_dags import month_start
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


def test_the_example_waits_for_the_month_and_merges_its_files(airflow_home: Path, root: UPath) -> None:
    dag_id = "example_ksef_keep_tables"
    path = {"tables_path": str(root)}
    done = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, path, logical_date=month_start(1))
    assert done.state == "success"
    assert done.xcom("compact")["files_before"] == 3
    assert done.xcom("complete")["month"] == f"{month_start(2):%Y-%m}"
    assert set(done.xcom("forget")["deleted"][PART].values()) == {0}
