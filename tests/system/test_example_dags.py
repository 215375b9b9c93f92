"""The example DAGs, as a DAG author would run them."""

from __future__ import annotations

import runpy
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag

from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.moments import POLAND
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, asset_extras, run_dag
from tests.system.conftest import seed, wait_for_hwm


def test_the_submit_example_tells_which_invoices_were_rejected(
    connected: EmulatorProcess, outgoing: Path
) -> None:
    dag_id = "example_ksef_submit_batch"
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {"invoices": str(outgoing)})
    assert run.state == "success"
    result = run.xcom("submit")
    assert (result["invoice_count"], result["accepted"], result["rejected"]) == (25, 23, 2)
    assert len(result["rejections"]) == 2
    for rejection in result["rejections"]:
        assert Path(rejection["file"]).is_file()
        assert rejection["code"] >= 400
        assert rejection["description"]
    assert len(connected.ksef_numbers(subject_type="Subject1")) == 23


def test_the_sync_example_fills_the_table_and_then_brings_only_what_is_new(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    dag_id = "example_ksef_sync_invoices"
    first_day = datetime.now(UTC) - timedelta(days=120)
    conf = {"tables_path": str(tables), "sync_from": first_day.date().isoformat()}
    seed(connected, 300, first_day + timedelta(days=2), datetime.now(UTC) - timedelta(hours=1))

    first = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf)
    assert first.state == "success"
    assert first.xcom("sync")["rows"] == 300

    seed(connected, 20)
    wait_for_hwm()
    second = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf)
    assert second.state == "success"
    assert second.xcom("sync")["rows"] == 20
    in_table = read("invoices", tables).column("ksef_number").to_pylist()
    assert sorted(in_table) == sorted(connected.ksef_numbers())


def test_the_asset_example_tells_a_second_dag_of_new_invoices(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    file, producer = EXAMPLES / "example_ksef_sync_asset.py", "example_ksef_sync_asset"
    now = datetime.now(UTC)
    conf = {"tables_path": str(tmp_path / "tables"), "sync_from": str(now.date() - timedelta(days=9))}
    seed(connected, 30, now - timedelta(days=7), now - timedelta(hours=1))
    assert run_dag(file, producer, conf).state == "success"
    extras = [extra for extra in asset_extras() if extra["tables_path"] == conf["tables_path"]]
    report = DagBag(dag_folder=str(file)).dags["example_ksef_new_invoices"].get_task("report")
    events = {"the asset": [SimpleNamespace(extra=extra) for extra in extras]}
    assert report.python_callable(events) == 30
    assert run_dag(file, "example_ksef_new_invoices", {}).xcom("report") == 0


def test_the_event_driven_example_is_woken_by_a_watcher_and_fills_the_table(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    file, dag_id = EXAMPLES / "example_ksef_event_driven.py", "example_ksef_event_driven"
    now = datetime.now(UTC)
    seed(connected, 30, now - timedelta(days=7), now - timedelta(hours=1))
    (watcher,) = runpy.run_path(str(file))["arrivals"].watchers
    assert watcher.trigger.serialize()[1]["poll_interval"] == 900
    conf = {"tables_path": str(tmp_path / "tables"), "sync_from": str(now.date() - timedelta(days=9))}
    run = run_dag(file, dag_id, conf)
    assert run.xcom("sync")["rows"] == 30


def test_the_availability_example_waits_before_it_sends(connected: EmulatorProcess, outgoing: Path) -> None:
    dag_id = "example_ksef_availability"
    for name in ("FV-0009.xml", "FV-0017.xml"):
        (outgoing / name).unlink()  # those that KSeF rejects
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {"invoices": str(outgoing)})
    assert run.xcom("available") == {"status": "AVAILABLE", "messages": []}
    assert run.xcom("submit")["accepted"] == 23


def test_the_backfill_example_fills_month_by_month_and_proves_each(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    dag_id = "example_ksef_backfill_invoices"
    conf = {"tables_path": str(tmp_path / "tables")}
    ends = [month_start(months_ago) for months_ago in (1, 0)]  # each closes the month before it
    seed(connected, 60, month_start(2), ends[-1] - timedelta(seconds=1))
    rows = []
    for end in ends:
        run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf, logical_date=end)
        assert run.state == "success"
        rows.append(run.xcom("backfill")["rows"])
        proof = run.xcom("verify")
        assert (proof["invoices"], proof["missing"], proof["surplus"]) == (rows[-1], 0, 0)
    in_table = read("invoices", tmp_path / "tables").column("ksef_number").to_pylist()
    assert sorted(in_table) == sorted(connected.ksef_numbers())
    assert all(rows)
    assert sum(rows) == 60


def month_start(months_ago: int) -> datetime:
    """The first midnight of a month in Poland."""
    today = datetime.now(POLAND).date()
    year, month = divmod(today.year * 12 + today.month - 1 - months_ago, 12)
    return datetime.combine(date(year, month + 1, 1), time(), POLAND)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("dag_id", ["example_ksef_credentials", "example_ksef_permissions"])
def test_no_two_runs_manage_the_same_at_once(dag_id: str) -> None:
    """Unpaused and triggered by hand, a DAG has two runs: of two new tokens one would be lost."""
    assert DagBag(dag_folder=str(EXAMPLES / f"{dag_id}.py")).dags[dag_id].max_active_runs == 1
