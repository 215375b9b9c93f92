"""Sync, backfill and verification keep a Delta table as they keep one of Parquet files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_ksef.exceptions import KsefInputError
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
FIRST = NOW - timedelta(days=40)
MIDDLE = NOW - timedelta(days=20)
LAST = NOW - timedelta(hours=1)
COUNT = 250


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, COUNT, FIRST, LAST - timedelta(hours=1))
    return connected


def run(operator: type[Any], tables: Path, **given: Any) -> dict[str, Any]:
    parameters = {"task_id": "t", "tables_path": str(tables), "table_format": "delta", "poll_interval": 0.1}
    result: dict[str, Any] = operator(**{**parameters, **given}).execute(context())
    return result


def numbers(tables: Path, table: str = "invoices") -> list[str]:
    return sorted(read(table, tables, columns=["ksef_number"]).column("ksef_number").to_pylist())


def test_sync_backfill_and_verification_agree_on_a_delta_table(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    truth = sorted(received.ksef_numbers())
    synced = run(KsefSyncInvoicesOperator, tmp_path, sync_from=str(MIDDLE))
    assert 0 < synced["rows"] < COUNT
    interval = {"date_from": str(FIRST - timedelta(days=1)), "date_to": str(LAST)}
    filled = run(KsefBackfillInvoicesOperator, tmp_path, include_documents=True, **interval)
    assert (synced["rows"] + filled["rows"], filled["documents"]) == (COUNT, COUNT)
    assert numbers(tmp_path) == numbers(tmp_path, "invoice_documents") == truth
    again = run(KsefSyncInvoicesOperator, tmp_path)
    assert again["rows"] == 0
    assert again["watermark"]["Subject2"] >= synced["watermark"]["Subject2"]

    lost = truth[7]
    deltalake.DeltaTable(str(tmp_path / "invoices")).delete(f"ksef_number = '{lost}'")
    with pytest.raises(AirflowFailException, match=f"1 missing.*{lost}"):
        run(KsefVerifyInvoicesOperator, tmp_path, **interval)
    repaired = run(KsefVerifyInvoicesOperator, tmp_path, repair=True, include_documents=True, **interval)
    assert (repaired["invoices"], repaired["repaired"], repaired["repaired_documents"]) == (COUNT, 1, 0)
    assert numbers(tmp_path) == truth


def test_an_operator_of_the_other_format_is_refused_before_anything_is_sent(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    run(KsefSyncInvoicesOperator, tmp_path, sync_from=str(MIDDLE))
    begun = received.requests()
    with pytest.raises(KsefInputError, match="table_format="):
        run(KsefSyncInvoicesOperator, tmp_path, table_format="parquet")
    assert received.requests() == begun
