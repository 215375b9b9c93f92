"""Delta tables on S3 lie where their data lie, whatever their folder is called."""

from __future__ import annotations

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.table_format import open_tables
from tests.unit.tables.tiny import KEY, numbers, put, tiny_rows


def test_a_folder_is_named_whole(bucket: UPath) -> None:
    root = bucket / "books #1 of?a=ż+%"
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-02"), table_format="delta")
    assert root.fs.exists(f"{root.path}/invoices/_delta_log")
    assert numbers(root) == ["a"]
    other = open_tables(bucket / "books #2", "delta")
    assert other.watermark(KEY) is None


def test_a_folder_that_the_library_would_name_otherwise_is_refused(bucket: UPath) -> None:
    with pytest.raises(KsefInputError, match=r"tables_path=.*books%201.*%20"):
        open_tables(bucket / "books%201", "delta")
