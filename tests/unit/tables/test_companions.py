"""The tables beside ``invoices``: their rows come before the invoice, once, from files on a worker's disk."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables import companions
from airflow_provider_ksef.tables.incoming import StagedFile
from airflow_provider_ksef.tables.layout import lease_folder, named_span
from airflow_provider_ksef.tables.month_files import tombstone
from airflow_provider_ksef.tables.readback import all_rows
from airflow_provider_ksef.tables.storage import LocalStore, ObjectStore, open_store
from tests.unit.tables.tiny import KEY, numbers, put, stage, tiny_rows

LINES = "invoice_lines"
ALWAYS = (0, 10**16)


@pytest.fixture(params=["folder", "objects"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> UPath:
    return UPath(tmp_path / "tables") if request.param == "folder" else UPath(f"memory://{tmp_path}/tables")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    folder = tmp_path / "worker"
    folder.mkdir()
    return folder


def twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows]).sort_by("permanent_storage_date")


def lines(root: UPath) -> list[str]:
    rows = all_rows(root, replace(KEY, table=LINES), ALWAYS, ["ksef_number"])
    return sorted(rows["ksef_number"].to_pylist())


def visible(root: UPath, table: str) -> list[str]:
    folder = f"{root.path}/{table}"
    return sorted(root.fs.find(folder)) if root.fs.isdir(folder) else []


def test_a_staged_file_is_published_as_it_is(root: UPath, disk: Path) -> None:
    rows = tiny_rows(a="2026-01-15", b="2026-01-16")
    staged = stage(disk, LINES, twice(rows))
    result = put(root, "2026-01-01", "2026-02-01", rows, staged=(staged,))
    assert result.rows_by_table == {LINES: 4}
    assert (result.rows_written, result.rows_already_there) == (2, 0)
    assert [path.split("/")[0] for path in result.files] == [LINES, "invoices"]
    assert [path.removeprefix(f"{root.path}/") for path in visible(root, LINES)] == [result.files[0]]
    with root.fs.open(f"{root.path}/{result.files[0]}", "rb") as file:
        assert file.read() == staged.path.read_bytes()
    assert not [path for path in root.fs.find(f"{root.path}/_ksef") if "/_ksef/staged/" in path]


def test_only_rows_that_are_not_there_are_added(root: UPath, disk: Path) -> None:
    first = tiny_rows(a="2026-01-15", b="2026-01-31")
    put(root, "2026-01-01", "2026-01-31", first, staged=(stage(disk, LINES, twice(first)),))
    second = tiny_rows(b="2026-01-31", c="2026-01-31T12:00")
    again = stage(disk, LINES, twice(second), "again")
    result = put(root, "2026-01-31", "2026-02-01", second, staged=(again,))
    assert result.rows_by_table == {LINES: 2}
    assert lines(root) == ["a", "a", "b", "b", "c", "c"]
    with root.fs.open(f"{root.path}/{result.files[0]}", "rb") as file:
        metadata = pq.ParquetFile(file).metadata
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert [order.column_index for order in metadata.row_group(0).sorting_columns] == [1]
    all_there = put(root, "2026-01-01", "2026-02-01", second, staged=(again,), moves_watermark=False)
    assert (all_there.rows_by_table, all_there.files) == ({LINES: 0}, ())


def test_a_backfill_adds_documents_of_invoices_that_are_there(root: UPath, disk: Path) -> None:
    rows = tiny_rows(a="2026-01-15", b="2026-01-31")
    put(root, "2026-01-01", "2026-02-01", rows)
    documents = stage(disk, "invoice_documents", rows)
    result = put(root, "2026-01-01", "2026-02-01", rows, moves_watermark=False, staged=(documents,))
    assert (result.rows_written, result.rows_already_there) == (0, 2)
    assert result.rows_by_table == {"invoice_documents": 2}
    assert numbers(root) == ["a", "b"]


def test_files_of_one_month_and_table_have_names_of_their_own(root: UPath, disk: Path) -> None:
    parts = [tiny_rows(a="2026-01-15"), tiny_rows(b="2026-01-16"), tiny_rows(c="2026-02-28")]
    staged = tuple(stage(disk, LINES, part, f"{number}") for number, part in enumerate(parts))
    result = put(root, "2026-01-01", "2026-02-01", pa.concat_tables(parts), staged=staged)
    assert lines(root) == ["a", "b", "c"]
    of_lines = [path for path in result.files if path.startswith(LINES)]
    assert [path.split("/")[3] for path in of_lines] == ["month=2026-01", "month=2026-01", "month=2026-02"]
    for path, part in zip(of_lines, parts, strict=True):
        span = named_span(path.rsplit("/", 1)[-1])
        stored = part["permanent_storage_date"].cast(pa.int64())[0].as_py()
        assert span is not None
        assert span[0] <= stored <= span[1]
    late = stage(disk, LINES, parts[2], "late")
    put(root, "2026-02-01", "2026-03-01", parts[2], staged=(late,))
    assert lines(root) == ["a", "b", "c"]


def test_a_row_without_its_invoice_is_refused_before_anything_is_written(root: UPath, disk: Path) -> None:
    staged = stage(disk, LINES, tiny_rows(a="2026-01-15", stranger="2026-01-16"))
    with pytest.raises(KsefTableError, match="stranger, an invoice that the export does not hold"):
        put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), staged=(staged,))
    assert not visible(root, "")


def test_one_invoices_rows_in_two_files_are_refused(root: UPath, disk: Path) -> None:
    rows = tiny_rows(a="2026-01-15")
    staged = (stage(disk, LINES, rows), stage(disk, LINES, rows, "more"))
    with pytest.raises(KsefTableError, match="a, an invoice whose rows are in another staged file"):
        put(root, "2026-01-01", "2026-02-01", rows, staged=staged)


def test_a_writer_that_dies_between_two_tables_leaves_nothing_twice(
    root: UPath, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tiny_rows(a="2026-01-15", b="2026-01-16")
    staged = (stage(disk, "invoice_documents", rows), stage(disk, LINES, twice(rows), "lines"))
    kind = LocalStore if root.protocol == "" else ObjectStore
    real, announced = kind.publish, []

    def die_at_the_second(store: LocalStore, path: str, token: int, content: Path) -> None:
        announced.append(path)
        if len(announced) == 2:
            raise ConnectionError("cut")
        real(store, path, token, content)

    monkeypatch.setattr(kind, "publish", die_at_the_second)
    with pytest.raises(ConnectionError):
        put(root, "2026-01-01", "2026-02-01", rows, staged=staged)
    monkeypatch.undo()
    assert numbers(root) == []
    result = put(root, "2026-01-01", "2026-02-01", rows, staged=staged)
    assert result.rows_by_table == {"invoice_documents": 2, LINES: 0}, "a document says: its lines are there"
    assert lines(root) == ["a", "a", "b", "b"]
    with pytest.raises(KsefLeaseError):
        open_store(root).publish(announced[1], 1, staged[1].path)
    assert lines(root) == ["a", "a", "b", "b"]
    assert open_store(root).names(lease_folder(KEY)) == ["2"]


def test_a_tombstone_does_not_disturb_plain_readers(tmp_path: Path) -> None:
    folder = tmp_path / "invoices"
    folder.mkdir()
    (folder / "0.parquet").write_bytes(tombstone("invoices"))
    rows = pq.read_table(io.BytesIO(tombstone("invoices")))
    pq.write_table(rows, folder / "1.parquet")
    assert list(pd.read_parquet(folder).columns) == rows.column_names
    assert pq.read_table(io.BytesIO(tombstone("of_a_later_version"))).column_names == [
        "ksef_number",
        "permanent_storage_date",
    ]


def test_a_large_staged_file_is_copied_a_row_group_at_a_time(
    root: UPath, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tiny_rows(**{f"N{day:02d}": f"2026-01-{day:02d}" for day in range(1, 31)})
    put(root, "2026-01-01", "2026-01-16", rows.slice(0, 15), staged=(stage(disk, LINES, rows.slice(0, 15)),))
    read: list[int] = []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        companions.pq.ParquetFile,
        "read_row_group",
        lambda self, group: read.append(group) or real(self, group),
    )
    whole: StagedFile = stage(disk, LINES, rows, "whole")
    put(root, "2026-01-16", "2026-02-01", rows, staged=(whole,))
    assert read == list(range(15))
    assert lines(root) == rows["ksef_number"].to_pylist()
