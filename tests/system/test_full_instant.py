"""Many invoices of one instant: up to an export's worth they come; of more than that the error is final."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefFullInstantError
from airflow_provider_ksef.operators.retries import RETRY_POLICY
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import context

NOW = datetime.now(UTC)
INSTANT = NOW - timedelta(days=100)
INTERVAL = {"date_from": str(INSTANT - timedelta(days=2)), "date_to": str(NOW - timedelta(hours=1))}
FEW, CAP = 150, 200


def run(operator: type[Any], tables: Path, **given: Any) -> dict[str, Any]:
    made = operator(task_id="t", tables_path=str(tables), poll_interval=0.1, **given)
    result: dict[str, Any] = made.execute(context())
    return result


def numbers(tables: Path) -> list[str]:
    return sorted(read("invoices", tables, columns=["ksef_number"]).column(0).to_pylist())


def decision(error: BaseException) -> str:
    return str(RETRY_POLICY.evaluate(error, 1, 3).action.name)


def test_an_export_may_be_cut_within_an_instant(connected: EmulatorProcess, tmp_path: Path) -> None:
    seed(connected, FEW, INSTANT - timedelta(days=1), INSTANT - timedelta(seconds=1))
    seed(connected, FEW + 1, INSTANT, INSTANT)
    seed(connected, FEW + 2, INSTANT + timedelta(seconds=1), INSTANT + timedelta(days=20))
    run(KsefSyncInvoicesOperator, tmp_path, sync_from=INTERVAL["date_from"])
    assert numbers(tmp_path) == sorted(connected.ksef_numbers())
    assert run(KsefVerifyInvoicesOperator, tmp_path)["in_table"] == 3 * FEW + 3


def test_a_sync_stops_at_an_instant_that_no_export_holds(connected: EmulatorProcess, tmp_path: Path) -> None:
    seed(connected, 30, INSTANT - timedelta(days=1), INSTANT - timedelta(hours=1))
    before = sorted(connected.ksef_numbers())
    seed(connected, 2 * CAP, INSTANT, INSTANT)
    with pytest.raises(KsefFullInstantError, match="at one instant") as error:
        run(KsefSyncInvoicesOperator, tmp_path, sync_from=INTERVAL["date_from"])
    assert error.value.remedy.endswith("The table is complete up to there.")
    assert set(before) <= set(numbers(tmp_path))
    assert decision(error.value) == "FAIL"


@pytest.mark.parametrize("operator", [KsefBackfillInvoicesOperator, KsefVerifyInvoicesOperator])
def test_the_windows_beside_such_an_instant_are_done(
    connected: EmulatorProcess, tmp_path: Path, operator: type[Any]
) -> None:
    seed(connected, 2 * CAP, INSTANT, INSTANT)
    seed(connected, 20, NOW - timedelta(days=5), NOW - timedelta(days=1))
    later = {**INTERVAL, "date_from": str(INSTANT + timedelta(days=1))}
    run(KsefBackfillInvoicesOperator, tmp_path, **later)
    ran = context()
    with pytest.raises(KsefFullInstantError, match="failed, 0 left to do") as error:
        operator(task_id="t", tables_path=str(tmp_path), poll_interval=0.1, **INTERVAL).execute(ran)
    assert "complete up to there" not in str(error.value)
    assert "next try" not in str(error.value)
    assert decision(error.value) == "FAIL"
    windows = ran["ti"].pushed["result"]["windows"]
    assert [window["state"] for window in windows] == ["failed", "succeeded"]
