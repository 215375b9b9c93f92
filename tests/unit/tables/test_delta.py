"""Delta tables hold the same rows as Parquet files, exactly once, and their log carries the watermark."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError, KsefWatermarkError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.delta_log import DeltaLog
from airflow_provider_ksef.tables.layout import TableKey, check_root
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.schema import TABLES
from airflow_provider_ksef.tables.table_format import open_tables
from tests.unit.tables.hard_rows import put_hard_rows
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import KEY, moment, numbers, stage, tiny_rows
from tests.unit.tables.tiny import put as put_as

put = partial(put_as, table_format="delta")
ALWAYS = (0, 10**16)


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    return UPath(tmp_path / "tables")


def table(root: UPath, name: str = "invoices") -> DeltaTable:
    return DeltaTable(str(root / name))


def there(root: UPath, key: TableKey) -> list[str]:
    rows = open_tables(root, "delta").rows(key, ALWAYS, ["ksef_number"])
    return sorted(rows["ksef_number"].to_pylist())


def test_windows_are_committed_and_read(root: UPath) -> None:
    check_root(root)
    first = put(root, "2026-01-15", "2026-02-02", tiny_rows(a="2026-01-31", b="2026-02-02"))
    second = put(root, "2026-02-02", "2026-03-01", tiny_rows(b="2026-02-02", c="2026-02-28"))
    check_root(root)
    assert (first.rows_written, second.rows_written, second.rows_already_there) == (2, 1, 1)
    assert numbers(root) == ["a", "b", "c"]
    assert sorted(table(root).file_uris()) == sorted(str(root / path) for path in first.files + second.files)
    assert there(root, KEY) == ["a", "b", "c"]


def test_the_watermark_outlives_the_log(root: UPath) -> None:
    tables = open_tables(root, "delta")
    assert tables.watermark(KEY) is None
    end = "2026-02-01T00:00:00.1234567+00:00"
    put(root, "2026-01-01", end, tiny_rows(a="2026-01-31"), reference="EH-7")
    put(root, end, "2026-02-02", tiny_rows(), reference="EH-8")
    watermark = tables.watermark(KEY)
    assert watermark is not None
    assert (watermark.position, watermark.previous_position) == (moment("2026-02-02"), end)
    assert (watermark.environment, watermark.export_reference) == ("test", "EH-8")
    assert watermark.began_at == moment("2026-01-01")
    other = TableKey("nip-1111111111", "Subject1")
    for day in range(1, 26):
        put(root, f"2026-01-{day:02d}", f"2026-01-{day + 1:02d}", tiny_rows(), key=other)
    table(root).create_checkpoint()
    for file in sorted((root / "invoices/_delta_log").glob("*.json"))[:-1]:
        file.unlink()
    late = tables.watermark(KEY)
    assert late is not None
    assert (late.position, late.began_at, late.environment) == (
        watermark.position,
        watermark.began_at,
        "test",
    )
    assert late.export_reference == ""


def test_a_window_that_starts_elsewhere_than_the_watermark_is_refused(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows())
    for start in ("2026-01-01", "2026-02-01T00:00:00.0000001+00:00"):
        with pytest.raises(KsefWatermarkError, match="begin the window anew"):
            put(root, start, "2026-03-01", tiny_rows(a="2026-02-15"))
    put(root, "2026-02-01T01:00:00+01:00", "2026-02-01", tiny_rows(a="2026-02-01"))
    assert numbers(root) == ["a"]
    watermark = open_tables(root, "delta").watermark(KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-02-01")


def test_a_backfill_leaves_the_watermark_alone(root: UPath) -> None:
    put(root, "2025-12-01", "2026-01-01", tiny_rows(a="2025-12-15"), moves_watermark=False)
    assert open_tables(root, "delta").watermark(KEY) is None
    put(root, "2026-02-01", "2026-03-01", tiny_rows(b="2026-02-15"))
    put(root, "2025-12-01", "2026-02-20", tiny_rows(a="2025-12-15", b="2026-02-15"), moves_watermark=False)
    watermark = open_tables(root, "delta").watermark(KEY)
    assert watermark is not None
    assert watermark.position == moment("2026-03-01")
    assert numbers(root) == ["a", "b"]


def test_every_value_is_kept_exactly_as_in_parquet(root: UPath, tmp_path: Path) -> None:
    hard = [
        invoice(ksefNumber=f"n{number}", netAmount=amount, permanentStorageDate=stored, newField={"x": 1.5})
        for number, (amount, stored) in enumerate(
            [
                (Decimal("123456789012345678.91"), "2026-02-28T23:59:59.9999999Z"),
                (Decimal("-0.01"), "2026-03-01T00:00:00Z"),
                (Decimal("99999999999999999.99"), "2026-03-29T00:59:59.123456Z"),
            ]
        )
    ]
    other = UPath(tmp_path / "parquet")
    put(root, "2026-02-01", "2026-04-01", rows(*hard))
    put_as(other, "2026-02-01", "2026-04-01", rows(*hard))
    got, expected = (read("invoices", folder).sort_by("ksef_number") for folder in (root, other))
    assert got.schema.equals(expected.schema, check_metadata=True)
    assert got.equals(expected)
    assert got["net_amount"].to_pylist()[0] == Decimal("123456789012345678.91")


def test_all_tables_are_the_same_in_both_formats(root: UPath, tmp_path: Path) -> None:
    for folder, table_format in ((root, "delta"), (UPath(tmp_path / "parquet"), "parquet")):
        disk = tmp_path / f"disk-{table_format}"
        disk.mkdir()
        put_hard_rows(folder, disk, table_format=table_format)
    for name in TABLES:
        order = [(field, "ascending") for field in ("context", "subject_type", "ksef_number")]
        got, expected = (
            read(name, folder).sort_by(order).to_pylist() for folder in (root, UPath(tmp_path / "parquet"))
        )
        assert len(expected) > 0
        assert sorted(map(repr, got)) == sorted(map(repr, expected))


def test_delta_readers_see_the_same(root: UPath, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    put_hard_rows(root, disk, table_format="delta")
    frame = pl.read_delta(str(root / "invoices"))
    ours = read("invoices", root)
    assert sorted(frame["ksef_number"].to_list()) == sorted(ours["ksef_number"].to_pylist())
    assert frame["net_amount"].sum() == pc.sum(ours["net_amount"]).as_py()
    described = table(root).schema().to_arrow().field("vat_amount").metadata
    assert bytes(described[b"description"]).startswith(b"VAT total, always in PLN")


def test_staged_files_come_first_and_only_once(root: UPath, tmp_path: Path) -> None:
    first = tiny_rows(a="2026-01-15", b="2026-01-31")
    twice = pa.concat_tables([first, first]).sort_by("permanent_storage_date")
    staged = stage(tmp_path, "invoice_lines", twice)
    result = put(root, "2026-01-01", "2026-01-31", first, staged=(staged,))
    assert (result.rows_written, result.rows_by_table) == (2, {"invoice_lines": 4})
    again = put(root, "2026-01-01", "2026-01-31", first, staged=(staged,), moves_watermark=False)
    assert (again.rows_written, again.rows_by_table, again.files) == (0, {"invoice_lines": 0}, ())
    key = replace(KEY, table="invoice_lines")
    assert there(root, key) == ["a", "a", "b", "b"]
    (path,) = table(root, "invoice_lines").file_uris()
    assert Path(path).read_bytes() == staged.path.read_bytes()


def test_files_are_sorted_and_the_log_prunes_them(root: UPath) -> None:
    stored = {
        f"N{hour:03d}": f"2026-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00.000999" for hour in range(99)
    }
    backwards = dict(reversed(stored.items()))
    put(root, "2026-01-01", "2026-02-01", tiny_rows(**backwards))
    put(root, "2026-02-01", "2026-03-01", tiny_rows(x="2026-02-15"))
    first, second = sorted(table(root).file_uris())
    assert pq.read_table(first)["ksef_number"].to_pylist() == list(stored)
    Path(second).unlink()
    last = pa.scalar(datetime(2026, 1, 5, 2, 0, 0, 999, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
    found = read("invoices", root, filters=pc.field("permanent_storage_date") == last)
    assert found["ksef_number"].to_pylist() == ["N098"]
    assert read("invoices", root, filters=[("month", "=", "2026-01")]).num_rows == 99
    with pytest.raises((KsefTableError, FileNotFoundError)):
        read("invoices", root)


def test_two_formats_are_not_mixed(root: UPath, tmp_path: Path) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    with pytest.raises(KsefInputError, match=r"table_format='parquet'.*kept as delta"):
        put_as(root, "2026-02-01", "2026-03-01", tiny_rows())
    other = UPath(tmp_path / "parquet")
    put_as(other, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    with pytest.raises(KsefInputError, match=r"table_format='delta'.*kept as parquet"):
        put(other, "2026-02-01", "2026-03-01", tiny_rows())
    with pytest.raises(KsefInputError, match="not a format"):
        open_tables(root, "iceberg")
    with pytest.raises(KsefInputError, match="cannot be kept on memory"):
        open_tables(UPath("memory://tables-of-delta"), "delta")


def test_another_environments_rows_never_enter(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"), environment="production")
    with pytest.raises(KsefTableError, match=r"'production'.*'test'"):
        put(root, "2026-02-01", "2026-03-01", tiny_rows(b="2026-02-15"))


def test_a_table_of_a_later_version_is_refused(root: UPath) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(a="2026-01-15"))
    log = DeltaLog(root, "invoices")
    assert log.commit(log.opened(), KEY, [], {"ksef:schema_version": 2}, {})
    for action in (
        lambda: open_tables(root, "delta").watermark(KEY),
        lambda: put(root, "2026-02-01", "2026-03-01", tiny_rows()),
    ):
        with pytest.raises(KsefTableError, match="Upgrade airflow-provider-ksef"):
            action()


def test_the_missing_library_is_named(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("deltalake", "airflow_provider_ksef.tables.delta"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(KsefInputError, match=r"pip install 'airflow-provider-ksef\[delta\]'"):
        open_tables(root, "delta")


def test_columns_of_this_version_are_added_to_an_older_table(root: UPath) -> None:
    old = pa.schema([field for field in TABLES["invoices"] if field.name != "verification_url"])
    parts = [pa.field(name, pa.string()) for name in ("context", "subject_type", "month")]
    DeltaTable.create(
        str(root / "invoices"),
        pa.schema([*old, *parts]),
        partition_by=[part.name for part in parts],
        commit_properties=CommitProperties(),
    )
    put(root, "2026-02-01", "2026-03-01", rows(invoice(ksefNumber="new")))
    assert "verification_url" in [field.name for field in table(root).schema().fields]
    assert read("invoices", root)["verification_url"].to_pylist()[0].startswith("https://")


def test_positions_are_exact_to_the_tick(root: UPath) -> None:
    end = format_ticks(parse_ticks("2026-02-01T00:00:00.9999999Z"))
    put(root, "2026-01-01", end, tiny_rows())
    assert table(root).transaction_version(f"ksef:{KEY.context}:{KEY.subject_type}") == parse_ticks(end)
