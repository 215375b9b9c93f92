"""The example DAGs, as a DAG author would run them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_provider_ksef.tables import read
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
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
