"""Files of earlier and later versions of this package read as one table."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.tables.documents import stage_documents
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.schema import EVERY_TABLE, LINES
from tests.unit.tables.document_packages import fa, line, package, staged_rows

KEYS = "context=nip-5250001210/subject_type=Subject2/month=2026-03"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Tables with three files of lines: without the latest columns, as now, and with a column to come."""
    made = package(fa(line(NrWierszaFa="1", P_7="a", GTU="GTU_01")))
    staging = tmp_path / "staging"
    staging.mkdir()
    rows = staged_rows(stage_documents(made.zip(), made.invoices, staging), "invoice_lines")
    folder = tmp_path / "tables" / "invoice_lines" / KEYS
    folder.mkdir(parents=True)
    pq.write_table(rows.drop_columns(["gtu", "extra", "line_id"]), folder / "1.parquet")
    pq.write_table(rows, folder / "2.parquet")
    pq.write_table(rows.append_column("recycling_code", pa.array(["PAP 20"])), folder / "3.parquet")
    return tmp_path / "tables"


def test_a_column_that_older_files_lack_is_null_there(root: Path) -> None:
    rows = read("invoice_lines", UPath(root))
    assert rows.column_names == [*LINES.names, "context", "subject_type"]
    assert rows["gtu"].to_pylist() == [None, "GTU_01", "GTU_01"]
    assert rows["item_name"].to_pylist() == ["a"] * 3


def test_a_version_that_knows_a_further_column_reads_old_and_new(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = LINES.append(pa.field("recycling_code", pa.string(), metadata={"description": "New."}))
    monkeypatch.setitem(EVERY_TABLE, "invoice_lines", later)
    rows = read("invoice_lines", UPath(root), columns=["item_name", "recycling_code"])
    assert rows.to_pylist() == [
        {"item_name": "a", "recycling_code": None},
        {"item_name": "a", "recycling_code": None},
        {"item_name": "a", "recycling_code": "PAP 20"},
    ]


def test_duckdb_reads_them_by_name(root: Path) -> None:
    found = duckdb.sql(
        f"SELECT count(*), count(gtu), count(recycling_code), sum(line_number) "
        f"FROM read_parquet('{root}/invoice_lines/**/*.parquet', hive_partitioning=true, union_by_name=true)"
    ).fetchall()
    assert found == [(3, 2, 1, 3)]
