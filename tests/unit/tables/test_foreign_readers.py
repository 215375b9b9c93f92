"""The tables' folders as pandas, DuckDB and Polars read them, value by value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables import read, staging
from airflow_provider_ksef.tables.schema import NUMBER, STORED, TABLES
from tests.unit.tables.hard_rows import COMPANIONS, PARTS, ROWS_OF_A_GROUP, Row, put_hard_rows

KEYS = ["context", "subject_type", "month"]


class Tables(NamedTuple):
    """
    Tables on disk.

    :param root: ``tables_path``.
    :param truth: the rows that are in them.
    """

    root: Path
    truth: dict[str, list[Row]]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    root, disk = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("worker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "ROW_GROUP_BYTES", 1)
        return Tables(root, put_hard_rows(UPath(root), disk))


def by_read(root: Path, table: str) -> list[Row]:
    return _read(root, table).to_pylist()


def by_read_and_pandas(root: Path, table: str) -> list[Row]:
    return _records(_read(root, table).to_pandas(types_mapper=pd.ArrowDtype))


def by_read_and_polars(root: Path, table: str) -> list[Row]:
    frame = pl.from_arrow(_read(root, table))
    assert isinstance(frame, pl.DataFrame)
    return frame.to_dicts()


def by_pandas(root: Path, table: str) -> list[Row]:
    return _records(pd.read_parquet(root / table, dtype_backend="pyarrow"))


def by_duckdb(root: Path, table: str) -> list[Row]:
    query = f"""
        SELECT *
        FROM read_parquet('{root}/{table}/**/*.parquet', hive_partitioning = true, union_by_name = true)
    """
    rows: list[Row] = duckdb.sql(query).to_arrow_table().to_pylist()
    return rows


def by_polars(root: Path, table: str) -> list[Row]:
    return (
        pl.scan_parquet(root / table, hive_partitioning=True, missing_columns="insert").collect().to_dicts()
    )


READERS = [by_read, by_read_and_pandas, by_read_and_polars, by_pandas, by_duckdb, by_polars]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("table", TABLES)
def test_every_value_is_read_exactly(
    tables: Tables, table: str, reader: Callable[[Path, str], list[Row]]
) -> None:
    found = sorted(reader(tables.root, table), key=lambda row: row[NUMBER])
    expected = sorted(tables.truth[table], key=lambda row: row[NUMBER])
    assert [set(row) for row in found] == [set(row) for row in expected]
    for row, truth in zip(found, expected, strict=True):
        for name, value in truth.items():
            assert row[name] == value, name
            assert isinstance(row[name], type(value)), name


def test_default_pandas_keeps_money_and_dates_but_not_whole_numbers_beside_nulls(tables: Tables) -> None:
    frame = read("invoice_lines", tables.root).to_pandas()
    truth = {row[NUMBER]: row for row in tables.truth["invoice_lines"]}
    for row in frame.to_dict("records"):
        for name in ("net_amount", "quantity", "unit_net_price", "issue_date", STORED):
            assert row[name] == truth[row[NUMBER]][name], name
    assert frame["line_number"].dtype == "float64"


def test_a_folder_whose_first_file_is_an_old_one_has_all_columns(tables: Tables) -> None:
    part = tables.root / "invoices/context=nip-5250001210/subject_type=Subject2"
    query = f"SELECT * FROM read_parquet('{part}/**/*.parquet', union_by_name = true)"
    assert "verification_url" in duckdb.sql(query).columns
    assert "verification_url" not in pd.read_parquet(part).columns  # so the docs advise read()
    found = read("invoices", tables.root, filters=[("context", "=", PARTS[0].context)])
    assert found["verification_url"].null_count < found.num_rows


@pytest.mark.parametrize("table", TABLES)
def test_files_are_compressed_and_sorted_with_statistics_of_each_row_group(
    tables: Tables, table: str
) -> None:
    files = [path for path in (tables.root / table).rglob("*.parquet") if not _is_old(path)]
    assert len(files) == len(PARTS) * 2 - 1
    for path in files:
        metadata = pq.read_metadata(path)
        column = metadata.schema.names.index(STORED)
        groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
        bounds = [
            bound
            for group in groups
            for bound in (group.column(column).statistics.min, group.column(column).statistics.max)
        ]
        assert bounds == sorted(bounds)
        assert {group.column(column).compression for group in groups} == {"ZSTD"}
        assert [[order.column_index for order in group.sorting_columns] for group in groups] == [
            [column]
        ] * len(groups)
        assert len(groups) == (1 if table == "invoices" else 6 // ROWS_OF_A_GROUP)


@pytest.mark.parametrize("table", COMPANIONS)
def test_a_filter_by_time_reads_only_the_row_groups_that_may_match(
    tables: Tables, tmp_path: Path, table: str
) -> None:
    """All row groups but the wanted one are destroyed, so whoever reads them fails."""
    wanted = next(
        row for row in tables.truth[table] if row["month"] == "2026-03" and row[NUMBER].endswith("-2")
    )
    source = (
        tables.root
        / f"{table}/context={wanted['context']}/subject_type={wanted['subject_type']}/month=2026-03"
    )
    [file] = source.iterdir()
    damaged = tmp_path / f"{file.name}"
    damaged.write_bytes(_with_only_group(file, 1))
    moment = wanted[STORED]

    by_arrow = ds.dataset(damaged).to_table(filter=ds.field(STORED) == moment)
    by_duck = duckdb.execute(
        f"SELECT {NUMBER}, * FROM read_parquet('{damaged}') WHERE {STORED} = ?", [moment]
    )
    by_pola = pl.scan_parquet(damaged).filter(pl.col(STORED) == moment).collect()
    for numbers in (
        by_arrow[NUMBER].to_pylist(),
        [row[0] for row in by_duck.fetchall()],
        by_pola[NUMBER].to_list(),
    ):
        assert numbers == [wanted[NUMBER]]
    with pytest.raises(OSError, match=r"Corrupt|decompress|[Pp]age"):
        ds.dataset(damaged).to_table()


def test_a_filter_by_month_reads_only_its_files(tables: Tables, tmp_path: Path) -> None:
    for path in (tables.root / "invoices").rglob("*.parquet"):
        copy = tmp_path / path.relative_to(tables.root)
        copy.parent.mkdir(parents=True)
        copy.write_bytes(_with_only_group(path, 0 if "month=2026-03" in str(path) else None))
    expected = sorted(row[NUMBER] for row in tables.truth["invoices"] if row["month"] == "2026-03")
    march = [("month", "=", "2026-03")]
    files = f"'{tmp_path}/invoices/**/*.parquet', hive_partitioning = true, union_by_name = true"
    by_duck = duckdb.sql(f"SELECT {NUMBER} FROM read_parquet({files}) WHERE month = '2026-03'").fetchall()
    lazy = pl.scan_parquet(tmp_path / "invoices", hive_partitioning=True, missing_columns="insert")
    for numbers in (
        read("invoices", tmp_path, filters=march)[NUMBER].to_pylist(),
        pd.read_parquet(tmp_path / "invoices", filters=march)[NUMBER].tolist(),
        [row[0] for row in by_duck],
        lazy.filter(pl.col("month") == "2026-03").collect()[NUMBER].to_list(),
    ):
        assert sorted(numbers) == expected
    with pytest.raises(KsefTableError):
        read("invoices", tmp_path)


def _read(root: Path, table: str) -> Any:
    return read(table, root, columns=[*TABLES[table].names, *KEYS])


def _records(frame: pd.DataFrame) -> list[Row]:
    return [
        {str(name): None if value is pd.NA or value is pd.NaT else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _is_old(path: Path) -> bool:
    key = PARTS[0]
    return f"context={key.context}/subject_type={key.subject_type}/month=2026-02" in str(path)


def _with_only_group(file: Path, kept: int | None) -> bytes:
    """Destroy the data of all other row groups, and leave the file's footer as it is."""
    content = bytearray(file.read_bytes())
    metadata = pq.read_metadata(file)
    for place in set(range(metadata.num_row_groups)) - {kept}:
        group = metadata.row_group(place)
        for column in (group.column(number) for number in range(group.num_columns)):
            start = column.dictionary_page_offset or column.data_page_offset
            content[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    return bytes(content)
