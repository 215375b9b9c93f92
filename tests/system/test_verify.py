"""A verification finds each row that was taken out of the table, doubled or invented, and fills gaps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefWindowError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.layout import TableKey
from airflow_provider_ksef.tables.retention import new_rule
from airflow_provider_ksef.tables.row_deletion import delete_rows
from airflow_provider_ksef.tables.verified import read_verified
from airflow_provider_ksef.tables.watermark import read_watermark
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import NotedState, context

NOW = datetime.now(UTC)
FIRST = NOW - timedelta(days=100)
COUNT = 450
KEY = TableKey(f"nip-{NIP}", "Subject2")
EXPORTS = "POST /invoices/exports"


@pytest.fixture
def synced(connected: EmulatorProcess, tmp_path: Path) -> EmulatorProcess:
    """An emulator with invoices that are in the table below ``tmp_path / "tables"``, up to a watermark."""
    seed(connected, COUNT, FIRST + timedelta(days=1), NOW - timedelta(hours=1))
    KsefSyncInvoicesOperator(
        task_id="sync", tables_path=str(tmp_path / "tables"), sync_from=str(FIRST), poll_interval=0.1
    ).execute(context())
    return connected


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "tables"


def verify(tables: Path, **parameters: Any) -> KsefVerifyInvoicesOperator:
    given = {"poll_interval": 0.1, **parameters}
    return KsefVerifyInvoicesOperator(task_id="verify", tables_path=str(tables), **given)


def numbers(tables: Path) -> list[str]:
    return sorted(read("invoices", tables).column("ksef_number").to_pylist())


def change(tables: Path, edit: Callable[[pa.Table], pa.Table]) -> Path:
    """Change the largest file of the table behind the package's back."""
    file = max(tables.glob("invoices/**/*.parquet"), key=lambda each: each.stat().st_size)
    pq.write_table(edit(pq.ParquetFile(file).read()), file)
    return file


def invented(rows: pa.Table) -> pa.Table:
    one = rows.slice(5, 1).set_column(0, "ksef_number", pa.array(["invented"]))
    return pa.concat_tables([rows, one.cast(rows.schema)])


def verified(tables: Path) -> tuple[tuple[str, str], ...]:
    return read_verified(UPath(tables), KEY)


def result_of(operator: KsefVerifyInvoicesOperator) -> dict[str, Any]:
    ran = context()
    with pytest.raises(AirflowFailException) as error:
        operator.execute(ran)
    told: dict[str, Any] = ran["ti"].pushed["result"]
    return {**told, "message": str(error.value)}


def test_a_table_that_is_whole_holds(synced: EmulatorProcess, tables: Path) -> None:
    begun = synced.requests()[EXPORTS]
    result = verify(tables).execute(context())
    assert result["invoices"] == COUNT
    assert (result["missing"], result["surplus"], result["doubled"], result["repaired"]) == (0, 0, 0, 0)
    assert [window["state"] for window in result["windows"]] == ["succeeded"] * 2
    assert synced.requests()[EXPORTS] - begun == result["exports"] >= 3
    assert numbers(tables) == sorted(synced.ksef_numbers())
    assert len(verified(tables)) == 1, "windows that touch are one"


def test_missing_rows_are_told_and_filled_where_asked(synced: EmulatorProcess, tables: Path) -> None:
    taken: list[str] = []

    def without_some(rows: pa.Table) -> pa.Table:
        taken.extend(rows.column("ksef_number").slice(3, 40).to_pylist())
        return pa.concat_tables([rows.slice(0, 3), rows.slice(43)])

    verify(tables).execute(context())
    change(tables, without_some)
    watermark = next(tables.glob("_ksef/watermark/**/*.json")).read_bytes()
    found = result_of(verify(tables))
    assert (found["missing"], found["surplus"], found["doubled"]) == (40, 0, 0)
    listed = [number for window in found["windows"] for number in window["numbers"].get("missing", [])]
    assert set(listed) <= set(taken)
    assert len(listed) >= 20
    assert "40 missing" in found["message"]
    assert listed[0] in found["message"]
    assert len(numbers(tables)) == COUNT - 40
    gap = [window for window in found["windows"] if window["missing"]]
    assert all(gap[0]["from"] not in span for span in verified(tables)), (
        "a window that differs is not verified"
    )

    repaired = verify(tables, repair=True).execute(context())
    assert (repaired["repaired"], repaired["missing"]) == (40, 0)
    assert numbers(tables) == sorted(synced.ksef_numbers())
    assert next(tables.glob("_ksef/watermark/**/*.json")).read_bytes() == watermark
    assert verify(tables).execute(context())["repaired"] == 0


def test_a_file_that_was_lost_is_a_gap(synced: EmulatorProcess, tables: Path) -> None:
    change(tables, lambda rows: rows).unlink()
    assert result_of(verify(tables))["missing"] > 50
    verify(tables, repair=True).execute(context())
    assert numbers(tables) == sorted(synced.ksef_numbers())


def test_surplus_and_doubled_rows_are_told_and_never_deleted(synced: EmulatorProcess, tables: Path) -> None:
    change(tables, invented)
    change(tables, lambda rows: pa.concat_tables([rows, rows.slice(0, 2)]))
    found = result_of(verify(tables, repair=True))
    assert (found["missing"], found["surplus"], found["doubled"], found["repaired"]) == (0, 1, 2, 0)
    assert "invented" in found["message"]
    assert len(numbers(tables)) == COUNT + 3


def test_only_the_stated_interval_is_compared(synced: EmulatorProcess, tables: Path) -> None:
    stored = sorted(read("invoices", tables).column("permanent_storage_date").to_pylist())
    first, last = stored[100].isoformat(), stored[200].isoformat()
    result = verify(tables, date_from=first, date_to=last).execute(context())
    assert result["invoices"] == 100  # the last one is not in it
    later = verify(tables, date_from=last, date_to="2999-01-01").execute(context())
    assert later["invoices"] == COUNT - 200


def test_a_table_that_was_backfilled_alone_needs_both_dates(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    seed(connected, 20, NOW - timedelta(days=3), NOW - timedelta(days=1))
    interval = {"date_from": str(NOW - timedelta(days=4)), "date_to": str(NOW - timedelta(hours=1))}
    KsefBackfillInvoicesOperator(
        task_id="backfill", tables_path=str(tmp_path), poll_interval=0.1, **interval
    ).execute(context())
    for given in ({}, {"date_from": interval["date_from"]}):
        with pytest.raises(KsefInputError, match="no sync has told"):
            verify(tmp_path, **given).execute(context())
    assert verify(tmp_path, **interval).execute(context())["invoices"] == 20


def test_an_interval_beyond_the_table_proves_nothing(synced: EmulatorProcess, tables: Path) -> None:
    with pytest.raises(KsefInputError, match="lies beyond the table"):
        verify(tables, date_from=datetime.now(UTC).isoformat()).execute(context())


def test_the_allowed_exports_are_kept_and_the_next_tries_go_on(synced: EmulatorProcess, tables: Path) -> None:
    state, tries = NotedState(), 0
    change(tables, lambda rows: rows.slice(1))
    seed(synced, 1)
    KsefSyncInvoicesOperator(task_id="sync", tables_path=str(tables), poll_interval=0.1).execute(context())
    while tries < 9:
        tries += 1
        try:
            verify(tables, max_exports=1).execute(context(state))
        except KsefWindowError:
            continue
        except AirflowFailException as error:
            assert "1 missing" in str(error)  # noqa: PT017
            break
    assert 3 <= tries < 9
    assert set(state) == {"windows"}


def test_a_deferred_verification_goes_on_by_what_the_trigger_kept(
    synced: EmulatorProcess, tables: Path
) -> None:
    change(tables, lambda rows: rows.slice(7))
    deferrals, event = 0, None
    while True:
        operator = verify(tables, deferrable=True, repair=True)
        try:
            result = operator.execute_complete(context(), event) if event else operator.execute(context())
        except TaskDeferred as deferred:
            deferrals += 1
            event = asyncio.run(anext(aiter(deferred.trigger.run()))).payload
        else:
            break
    assert deferrals >= 3
    assert (result["invoices"], result["repaired"]) == (COUNT, 7)
    assert numbers(tables) == sorted(synced.ksef_numbers())


def test_a_dry_run_tells_the_plan_and_calls_nothing(synced: EmulatorProcess, tables: Path) -> None:
    begun = synced.requests()
    assert verify(tables, dry_run=True).execute(context())["exports"] == 2
    assert synced.requests() == begun


def test_what_retention_deleted_is_neither_missed_nor_brought_back(
    synced: EmulatorProcess, tables: Path
) -> None:
    position = read_watermark(UPath(tables), KEY).position  # type: ignore[union-attr]
    rule = new_rule(NOW.date() - timedelta(days=50), None, position=position, now=NOW)
    delete_rows(UPath(tables), KEY, rule, owner="test", dry_run=False)
    left = numbers(tables)
    assert 0 < len(left) < COUNT
    result = verify(tables, repair=True).execute(context())
    assert (result["invoices"], result["missing"], result["surplus"], result["repaired"]) == (COUNT, 0, 0, 0)
    change(tables, lambda rows: rows.slice(3))
    assert verify(tables, repair=True).execute(context())["repaired"] == 3
    assert numbers(tables) == left
