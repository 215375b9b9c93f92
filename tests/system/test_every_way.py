"""Operators and sensors through Airflow, waiting in place and deferred."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.tables import read
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import OWN_DAGS, run_dag
from tests.system.conftest import sample_invoices, seed, wait_for_hwm

BOTH_WAYS = pytest.mark.parametrize("how", ["in_place", "deferred"])


def _without_path(rejection: dict[str, Any]) -> dict[str, Any]:
    """What the operator and the sensor tell alike; only the operator knows where a file lies."""
    return {**rejection, "file": Path(rejection["file"]).name}


@BOTH_WAYS
def test_a_batch_is_sent_and_its_session_waited_for(
    connected: EmulatorProcess, outgoing: Path, tmp_path: Path, how: str
) -> None:
    conf = {"invoices": f"{outgoing}/*.xml", "upo_path": str(tmp_path / "upo")}
    run = run_dag(OWN_DAGS, f"submit_{how}", conf)
    assert run.state == "success"
    result = run.xcom("submit")
    assert (result["accepted"], result["rejected"]) == (23, 2)
    assert {Path(rejection["file"]).parent for rejection in result["rejections"]} == {outgoing}
    assert (result["code"], result["status"]) == (200, "partly_accepted")
    of_sensor = run.xcom("processed")
    assert of_sensor == {**result, "rejections": of_sensor["rejections"]}
    assert [_without_path(each) for each in of_sensor["rejections"]] == [
        _without_path(each) for each in result["rejections"]
    ]
    kept = run.xcom("upo")
    assert (kept["pages"], kept["files"]) == (1, 1)
    assert len(list(Path(kept["path"]).iterdir())) == 1
    assert connected.requests()["POST /sessions/batch"] == 1


@BOTH_WAYS
def test_a_sync_walks_windows_and_truncated_exports(
    connected: EmulatorProcess, tmp_path: Path, how: str
) -> None:
    now = datetime.now(UTC)
    seed(connected, 600, now - timedelta(days=200), now - timedelta(hours=1))
    conf = {"tables_path": str(tmp_path), "sync_from": str((now - timedelta(days=210)).date())}
    run = run_dag(OWN_DAGS, f"sync_{how}", conf)
    assert run.state == "success"
    result = run.xcom("sync")
    assert result["rows"] == 600
    assert result["exports"] >= 4  # three windows of 89 days, one of them over the cap of 200
    table = read("invoices", tmp_path)
    assert sorted(table.column("ksef_number").to_pylist()) == sorted(connected.ksef_numbers())
    yesterday = now.astimezone().date() - timedelta(days=2)
    assert result["complete_through"]["Subject2"] >= yesterday


def test_an_empty_window_moves_the_watermark(connected: EmulatorProcess, tmp_path: Path) -> None:
    conf = {"tables_path": str(tmp_path), "sync_from": str(datetime.now(UTC).date() - timedelta(days=3))}
    first = run_dag(OWN_DAGS, "sync_in_place", conf).xcom("sync")
    wait_for_hwm()
    second = run_dag(OWN_DAGS, "sync_in_place", conf).xcom("sync")
    assert (first["rows"], second["rows"]) == (0, 0)
    assert second["watermark"]["Subject2"] > first["watermark"]["Subject2"]


def test_rejected_invoices_fail_the_task_after_it_has_told(
    connected: EmulatorProcess, outgoing: Path
) -> None:
    run = run_dag(OWN_DAGS, "submit_strict", {"invoices": str(outgoing)})
    assert run.state == "failed"
    assert run.xcom("submit") is None
    told = run.xcom("submit", key="result")
    assert (told["rejected"], told["status"]) == (2, "partly_accepted")


def test_accepted_invoices_do_not_fail_the_task(connected: EmulatorProcess, tmp_path: Path) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=3)
    run = run_dag(OWN_DAGS, "submit_strict", {"invoices": str(folder)})
    assert run.state == "success"
    result = run.xcom("submit")
    assert (result["status"], result["rejections"]) == ("accepted", [])


def test_bad_input_fails_at_once_and_nothing_is_sent(connected: EmulatorProcess, tmp_path: Path) -> None:
    run = run_dag(OWN_DAGS, "submit_strict", {"invoices": str(tmp_path / "*.xml")})
    assert run.state == "failed"
    assert connected.requests() == {}
