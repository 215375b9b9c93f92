"""Documents, lines and tax sums come with their invoices, also for invoices that were there without them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk.exceptions import AirflowFailException

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
LAST = NOW - timedelta(hours=1)
COUNT = 230


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, COUNT, FIRST, LAST - timedelta(hours=1))
    return connected


def sync(tables: Path, **parameters: Any) -> dict[str, Any]:
    given = {"sync_from": str(FIRST - timedelta(days=1)), "poll_interval": 0.1, **parameters}
    result: dict[str, Any] = KsefSyncInvoicesOperator(
        task_id="sync", tables_path=str(tables), **given
    ).execute(context())
    return result


def numbers(tables: Path, table: str) -> list[str]:
    return sorted(read(table, tables, columns=["ksef_number"]).column("ksef_number").to_pylist())


def assert_whole(emulator: EmulatorProcess, tables: Path) -> None:
    truth = sorted(emulator.ksef_numbers())
    assert numbers(tables, "invoices") == truth
    assert numbers(tables, "invoice_documents") == truth
    documents = read("invoice_documents", tables, columns=["line_count", "parse_error"])
    assert documents.column("parse_error").null_count == COUNT
    lines = read("invoice_lines", tables, columns=["ksef_number", "line_ordinal"])
    assert lines.num_rows == sum(documents.column("line_count").to_pylist())
    assert len(set(map(tuple, zip(*lines.to_pydict().values(), strict=True)))) == lines.num_rows
    assert set(numbers(tables, "invoice_vat_summary")) <= set(truth)


def test_a_sync_with_documents_fills_all_tables_in_the_same_commit(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    result = sync(tmp_path, include_documents=True, document_processes=2)
    assert (result["rows"], result["documents"], result["unreadable"]) == (COUNT, COUNT, 0)
    assert result["lines"] == read("invoice_lines", tmp_path).num_rows > COUNT
    assert_whole(received, tmp_path)


def test_a_backfill_adds_the_documents_of_invoices_that_are_there(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    assert sync(tmp_path)["documents"] == 0
    backfill = KsefBackfillInvoicesOperator(
        task_id="backfill",
        tables_path=str(tmp_path),
        date_from=str(FIRST - timedelta(days=1)),
        date_to=str(LAST),
        include_documents=True,
        poll_interval=0.1,
    )
    first = backfill.execute(context())
    assert (first["rows"], first["documents"]) == (0, COUNT)
    assert_whole(received, tmp_path)
    again = backfill.execute(context())
    assert (again["rows"], again["documents"], again["lines"]) == (0, 0, 0)
    assert_whole(received, tmp_path)


def test_a_verification_finds_invoices_without_a_document_and_fills_them(
    received: EmulatorProcess, tmp_path: Path
) -> None:
    sync(tmp_path)
    lost = max(tmp_path.glob("invoices/**/*.parquet"), key=lambda file: file.stat().st_size)
    rows = pq.ParquetFile(lost).read()
    pq.write_table(rows.slice(2), lost)
    verify = KsefVerifyInvoicesOperator(
        task_id="verify", tables_path=str(tmp_path), include_documents=True, poll_interval=0.1
    )
    ran = context()
    with pytest.raises(AirflowFailException, match=f"2 missing.* {COUNT - 2} without_document"):
        verify.execute(ran)
    assert ran["ti"].pushed["result"]["exports"] == 2, "metadata alone: the cap is 200"
    verify.repair = True
    result = verify.execute(context())
    assert (result["repaired"], result["repaired_documents"]) == (2, COUNT)
    assert result["without_document"] == 0
    assert_whole(received, tmp_path)
