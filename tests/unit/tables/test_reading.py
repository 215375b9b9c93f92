"""What analysts get: one call, or plain pandas and DuckDB on the same folder."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.layout import TableKey, check_root
from airflow_provider_ksef.tables.schema import INVOICES, LINES
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import put

LARGE = Decimal("123456789012345678.91")


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Make a table of two contexts and two months, with a dead writer's leftovers beside it."""
    folder = UPath(tmp_path / "tables")
    for context in ("nip-5250001210", "nip-1111111111"):
        first = invoice(ksefNumber=f"{context}-1", netAmount=LARGE, currency="EUR")
        second = invoice(
            ksefNumber=f"{context}-2", permanentStorageDate="2026-03-01T00:00:00.1234567Z", netAmount=-1
        )
        put(folder, "2026-02-01", "2026-03-02", rows(first, second), key=TableKey(context, "Subject2"))
    staged = tmp_path / "tables/_ksef/staged/invoices/context=nip-5250001210/x.parquet.9.part"
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_bytes(b"PAR1")
    return folder


def test_all_contexts_are_read_with_their_names(root: UPath) -> None:
    table = read("invoices", str(root))
    assert table.column_names == [*INVOICES.names, "context", "subject_type"]
    assert table.num_rows == 4
    assert set(table["context"].to_pylist()) == {"nip-5250001210", "nip-1111111111"}
    assert table.schema.field("vat_amount").metadata[b"description"].startswith(b"VAT total, always in PLN")
    assert read("invoices", root).equals(table)


def test_columns_and_filters_are_chosen(root: UPath) -> None:
    table = read(
        "invoices",
        root,
        columns=["ksef_number", "context"],
        filters=[("month", "=", "2026-03"), ("context", "=", "nip-5250001210")],
    )
    assert table.to_pylist() == [{"ksef_number": "nip-5250001210-2", "context": "nip-5250001210"}]
    assert read("invoices", root, filters=pc.field("currency") == "EUR").num_rows == 2
    assert read("invoices", root, columns=["month"])["month"].to_pylist().count("2026-02") == 2


def test_pandas_keeps_amounts_and_dates_exact(root: UPath) -> None:
    frame = read("invoices", root, filters=[("currency", "=", "EUR")]).to_pandas()
    assert frame["net_amount"].tolist() == [LARGE, LARGE]
    assert frame["issue_date"].tolist() == [date(2026, 2, 1)] * 2
    assert str(frame["permanent_storage_date"].iloc[0]) == "2026-02-01 23:30:00.123456+00:00"


def test_a_table_that_is_not_filled_yet_is_empty(root: UPath) -> None:
    table = read("invoice_lines", root)
    assert table.num_rows == 0
    assert table.column_names == [*LINES.names, "context", "subject_type"]
    assert list(table.to_pandas().columns) == table.column_names


def test_a_wrong_path_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path / "nothing", UPath("memory://nothing-there"), tmp_path):
        with pytest.raises(KsefInputError, match=r"tables_path=.*holds no tables"):
            read("invoices", folder)


def test_a_table_that_a_sync_found_nothing_for_is_empty(tmp_path: Path) -> None:
    put(UPath(tmp_path), "2026-02-01", "2026-03-02", rows())
    assert read("invoices", tmp_path).num_rows == 0


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ([], 4),
        (None, 4),
        ((("currency", "=", "EUR"),), 2),
        ([("issue_date", ">", "2026-02-01")], 0),
        ([("issue_date", "in", ["2026-02-01", "2026-02-03"])], 4),
        ([("permanent_storage_date", "<", "2026-02-02T00:00:00+00:00")], 2),
        ([("net_amount", "=", str(LARGE))], 2),
        ([("net_amount", "<", 0)], 2),
        ([("permanent_storage_date", "<", datetime(2026, 2, 2, tzinfo=UTC))], 2),
        ([[("currency", "=", "EUR")], [("net_amount", "=", "-1.00")]], 4),
        ([("month", "=", "2026-02"), ("context", "=", "nip-5250001210")], 1),
    ],
)
def test_filters_take_what_an_analyst_writes(root: UPath, filters: Any, count: int) -> None:
    assert read("invoices", root, filters=filters).num_rows == count


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ([("nope", "=", 1)], "nope"),
        (pc.field("nope") == 1, "nope"),
        (pc.field("issue_date") == 1, "issue_date"),
        ([("issue_date", ">=", "01-03-2026")], "01-03-2026"),
        ([("permanent_storage_date", "<", "2026-02-02T00:00:00")], "offset"),
        ([("net_amount", "=", "much")], "much"),
        ([("net_amount", "about", 1)], "about"),
        ([("net_amount", "=")], "three parts"),
        ("currency = EUR", "tuples"),
        ({"currency": "EUR"}, "no list"),
        ([("currency", "in", "EUR")], "a list"),
        ([("currency", "=", ["EUR"])], "a list"),
        ([("hash_of_corrected_invoice", "=", None)], "is_null"),
        ([("permanent_storage_date", ">=", date(2026, 2, 2))], "offset"),
        ([("permanent_storage_date", ">=", datetime(2026, 2, 2))], "offset"),  # noqa: DTZ001
        (pc.field("permanent_storage_date") >= datetime(2026, 2, 2), "timezone"),  # noqa: DTZ001
    ],
)
def test_a_filter_that_does_not_fit_is_named(root: UPath, filters: Any, named: str) -> None:
    with pytest.raises(KsefInputError, match=named) as caught:
        read("invoices", root, filters=filters)
    assert caught.value.field == "filters"


def test_a_table_in_an_object_store_is_read(tmp_path: Path) -> None:
    folder = UPath(f"memory://{tmp_path}/tables")
    put(folder, "2026-02-01", "2026-03-02", rows(invoice()))
    assert read("invoices", folder, columns=["context", "seller_name"]).to_pylist() == [
        {"context": "nip-5250001210", "seller_name": "Zażółć gęślą jaźń Sp. z o.o."}
    ]


@pytest.mark.parametrize("name", ["context=nip-9", "subject_type=Subject1", "month=2020-01/a b=50%"])
def test_folders_above_the_tables_tell_nothing(tmp_path: Path, name: str) -> None:
    root = UPath(tmp_path / name)
    put(root, "2026-02-01", "2026-03-02", rows(invoice()))
    columns = ["context", "subject_type", "month"]
    assert read("invoices", root, columns).to_pylist() == [
        {"context": "nip-5250001210", "subject_type": "Subject2", "month": "2026-02"}
    ]
    assert read("invoices", root, filters=[("month", "=", "2026-02")]).num_rows == 1


def test_files_of_an_earlier_version_are_read_as_one_table(root: UPath) -> None:
    old = rows(invoice(ksefNumber="old")).drop("verification_url")
    put(root, "2026-03-02", "2026-03-03", old)
    found = read("invoices", root, filters=[("ksef_number", "=", "old")])
    assert found["verification_url"].to_pylist() == [None]


def test_unknown_names_are_refused(root: UPath) -> None:
    with pytest.raises(KsefInputError, match=r"table='invoice'.*invoices"):
        read("invoice", root)
    with pytest.raises(KsefInputError, match="columns=.*netto"):  # noqa: RUF043
        read("invoices", root, columns=["netto"])
    with pytest.raises(KsefInputError, match=r"columns='ksef_number'.*is one text"):
        read("invoices", root, columns="ksef_number")
    with pytest.raises(KsefInputError, match="tables_path"):
        read("invoices", root / "invoices")


def test_plain_pandas_reads_the_folder(root: UPath) -> None:
    frame = pd.read_parquet(str(root / "invoices"))
    assert len(frame) == 4
    assert set(frame["context"].astype(str)) == {"nip-5250001210", "nip-1111111111"}
    assert sorted(frame["net_amount"]) == [Decimal("-1.00")] * 2 + [LARGE] * 2


def test_plain_duckdb_reads_the_folder(root: UPath) -> None:
    query = f"""
        select typeof(context), typeof(month), typeof(net_amount), typeof(ksef_date),
               sum(net_amount), count(*)
        from read_parquet('{root}/**/*.parquet', hive_partitioning=true)
        where month = '2026-02' group by all
    """
    assert duckdb.sql(query).fetchall() == [("VARCHAR", "VARCHAR", "DECIMAL(20,2)", "DATE", LARGE * 2, 2)]


def test_the_room_is_imported_without_pyarrow() -> None:
    code = "import sys, airflow_provider_ksef.tables as t; print('pyarrow' in sys.modules, callable(t.read))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_read_stays_a_function_however_often_it_is_imported(root: UPath) -> None:
    line = "from airflow_provider_ksef.tables import read"
    code = f"{line}\n{line}\nassert callable(read)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert isinstance(read("invoices", root), pa.Table)


def test_a_reader_needs_no_right_to_write(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    assert read("invoices", root).num_rows == 4
    with pytest.raises(KsefInputError, match="may not be read and written"):
        check_root(root)


def test_a_damaged_file_is_named(root: UPath) -> None:
    month = root / "invoices/context=nip-5250001210/subject_type=Subject2/month=2026-02"
    (month / "x.parquet").write_bytes(b"x")
    with pytest.raises(KsefTableError, match=r"x\.parquet"):
        read("invoices", root)
