"""A verification finds documents whose lines or tax sums were lost, and rows that somebody has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from airflow.sdk.exceptions import AirflowFailException
from upath import UPath

from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.checking import check_tables
from airflow_provider_ksef.tables.layout import TableKey, key_folder
from airflow_provider_ksef.transfers import plan
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import context

NOW = datetime.now(UTC)
FIRST = NOW - timedelta(days=20)
COUNT = 230
KEY = TableKey(f"nip-{NIP}", "Subject2")
TABLES = ("invoices", "invoice_documents", "invoice_lines", "invoice_vat_summary")
EXPORTS = "POST /invoices/exports"


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, COUNT, FIRST, NOW - timedelta(hours=1))
    return connected


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "tables"


def sync(tables: Path, **given: Any) -> None:
    start = str(FIRST - timedelta(days=1))
    KsefSyncInvoicesOperator(
        task_id="sync", tables_path=str(tables), sync_from=start, poll_interval=0.1, **given
    ).execute(context())


def verify(tables: Path, **given: Any) -> KsefVerifyInvoicesOperator:
    return KsefVerifyInvoicesOperator(task_id="verify", tables_path=str(tables), poll_interval=0.1, **given)


def found_by(operator: KsefVerifyInvoicesOperator) -> dict[str, Any]:
    ran = context()
    with pytest.raises(AirflowFailException):
        operator.execute(ran)
    result: dict[str, Any] = ran["ti"].pushed["result"]
    return result


def largest(tables: Path, table: str) -> Path:
    files = (tables / key_folder(replace(KEY, table=table))).rglob("*.parquet")
    return max(files, key=lambda file: file.stat().st_size)


def rows(tables: Path) -> dict[str, int]:
    return {table: read(table, tables).num_rows for table in TABLES}


def wrong(tables: Path) -> list[str]:
    return [found.place for found in check_tables(UPath(tables), KEY) if found.is_wrong]


@pytest.mark.parametrize("table", ["invoice_lines", "invoice_vat_summary"])
def test_lines_and_tax_sums_that_were_lost_are_told_and_filled(
    received: EmulatorProcess, tables: Path, table: str
) -> None:
    sync(tables, include_documents=True)
    whole = rows(tables)
    assert wrong(tables) == []
    assert verify(tables).execute(context())["incomplete_document"] == 0
    lost = largest(tables, table)
    concerned = len(pc.unique(pq.read_table(lost, columns=["ksef_number"]).column(0)))
    lost.unlink()
    assert [place.split()[0] for place in wrong(tables)] == [table]
    assert found_by(verify(tables))["incomplete_document"] == concerned > 50
    result = verify(tables, repair=True).execute(context())
    assert (result["repaired"], result["repaired_documents"], result["incomplete_document"]) == (0, 0, 0)
    assert rows(tables) == whole
    assert wrong(tables) == []


def test_half_an_invoices_lines_cannot_be_filled_and_stay_told(
    received: EmulatorProcess, tables: Path
) -> None:
    sync(tables, include_documents=True)
    file = largest(tables, "invoice_lines")
    lines = pq.ParquetFile(file).read()
    several = next(
        value["values"] for value in lines["ksef_number"].value_counts() if value["counts"].as_py() > 1
    )
    place = pc.index(lines["ksef_number"], several).as_py()
    pq.write_table(pa.concat_tables([lines.slice(0, place), lines.slice(place + 1)]), file)
    result = found_by(verify(tables, repair=True))
    assert (result["incomplete_document"], result["repaired_lines"]) == (1, 0)
    told = [number for window in result["windows"] for number in window["numbers"]["incomplete_document"]]
    assert told == [several.as_py()]


def test_a_repair_brings_documents_where_the_tables_have_some(
    received: EmulatorProcess, tables: Path
) -> None:
    sync(tables, include_documents=True)
    whole = rows(tables)
    for table in TABLES:
        for file in (tables / key_folder(replace(KEY, table=table))).rglob("*.parquet"):
            file.unlink()
            break
    result = verify(tables, repair=True).execute(context())
    assert result["repaired"] > 0
    assert result["repaired_documents"] > 0
    assert rows(tables) == whole


def test_a_table_without_documents_needs_none(received: EmulatorProcess, tables: Path) -> None:
    sync(tables)
    largest(tables, "invoices").unlink()
    result = verify(tables, repair=True).execute(context())
    assert (result["repaired_documents"], result["without_document"]) == (0, 0)
    assert result["repaired"] > 0
    assert not (tables / "invoice_documents").exists()
    assert found_by(verify(tables, include_documents=True))["without_document"] == COUNT


def test_altered_rows_are_told_and_stay(received: EmulatorProcess, tables: Path) -> None:
    sync(tables)
    file = largest(tables, "invoices")
    invoices = pq.ParquetFile(file).read()
    place = invoices.column_names.index("gross_amount")
    amounts = invoices["gross_amount"].to_pylist()
    amounts[3] += Decimal("0.01")
    column = pa.array(amounts, invoices.schema.field(place).type)
    pq.write_table(invoices.set_column(place, invoices.schema.field(place), column), file)
    result = found_by(verify(tables, repair=True))
    assert (result["altered"], result["missing"], result["repaired"]) == (1, 0, 0)
    (window,) = result["windows"]
    assert window["state"] == "differs"
    assert window["numbers"]["altered"] == [invoices["ksef_number"][3].as_py()]
    assert pq.ParquetFile(file).read()["gross_amount"].to_pylist() == amounts


def test_as_many_exports_as_planned_are_needed_where_nothing_differs(
    received: EmulatorProcess, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "EXPORT_INVOICES", 200)  # the emulator's cap
    sync(tables)
    begun = received.requests()[EXPORTS]
    planned = verify(tables, dry_run=True).execute(context())
    assert (planned["exports"], received.requests()[EXPORTS]) == (2, begun)
    result = verify(tables).execute(context())
    assert result["planned_exports"] == result["exports"] == received.requests()[EXPORTS] - begun == 2
    (window,) = result["windows"]
    assert (window["planned_exports"], window["exports"]) == (2, 2)
    assert window["invoices"] == window["in_table"] == COUNT
    assert (
        verify(tables, dry_run=True, repair=True, include_documents=True).execute(context())["exports"] == 4
    )
