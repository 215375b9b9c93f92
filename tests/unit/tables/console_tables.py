"""Tables that the command line is tried on, and how it is called."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.schema import DOCUMENTS
from airflow_provider_ksef.tables.table_format import format_of, open_tables
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import KEY, put

PARTNER = "9999999999"
WHERE = ["--context", KEY.context, "--subject-type", KEY.subject_type]


def document_of(number: str) -> bytes:
    return f"<Faktura>{number}</Faktura>".encode()


def hash_of(xml: bytes) -> str:
    return base64.b64encode(hashlib.sha256(xml).digest()).decode()


def invoices(*given: tuple[str, str, str]) -> pa.Table:
    """Make rows by number, seller and day in 2026."""
    return rows(
        *(
            invoice(
                ksefNumber=number,
                seller={"nip": seller, "name": "X"},
                permanentStorageDate=f"2026-{day}T12:00:00.000000+00:00",
                invoiceHash=hash_of(document_of(number)),
            )
            for number, seller, day in given
        )
    )


def documents(disk: Path, given: pa.Table) -> tuple[StagedFile, ...]:
    """Stage the documents of invoices of one month."""
    given = given.sort_by("permanent_storage_date")
    columns: dict[str, Any] = {name: given[name] for name in DOCUMENTS.names if name in given.column_names}
    columns["xml"] = pa.array([document_of(number) for number in given["ksef_number"].to_pylist()])
    table = pa.table(
        {
            name: columns.get(name, pa.nulls(given.num_rows, DOCUMENTS.field(name).type))
            for name in DOCUMENTS.names
        }
    )
    stored = given["permanent_storage_date"].cast(pa.int64()).to_pylist()
    path = disk / f"{stored[0]}.parquet"
    pq.write_table(table.cast(DOCUMENTS), path)
    month = datetime.fromtimestamp(stored[0] / 1e6, UTC).strftime("%Y-%m")
    return (StagedFile("invoice_documents", month, path, given.num_rows, stored[0], stored[-1]),)


@pytest.fixture(params=["parquet", "delta"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    """Tables of either format."""
    return filled(tmp_path, request.param)


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    """Tables of Parquet files."""
    return filled(tmp_path, "parquet")


def filled(tmp_path: Path, table_format: str) -> UPath:
    disk = tmp_path / "disk"
    disk.mkdir()
    root = UPath(tmp_path / "tables")
    first = invoices(("a", "1111111111", "01-05"), ("b", PARTNER, "01-20"))
    second = invoices(("c", PARTNER, "02-10"), ("d", "1111111111", "02-11"))
    put(
        root,
        "2025-12-31T23:00:00+00:00",
        "2026-02-01",
        first,
        staged=documents(disk, first),
        table_format=table_format,
    )
    put(root, "2026-02-01", "2026-03-05", second, staged=documents(disk, second), table_format=table_format)
    return root


def watermark_of(root: UPath) -> Any:
    return open_tables(root, format_of(root)).watermark(KEY)


def run(root: UPath, *arguments: str) -> int:
    return main(["--tables-path", str(root), *arguments])


def answered(capsys: pytest.CaptureFixture[str], root: UPath, *arguments: str, code: int = 0) -> Any:
    assert run(root, *arguments, "--json") == code
    return json.loads(capsys.readouterr().out)
