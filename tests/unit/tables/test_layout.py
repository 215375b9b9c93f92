"""Names and places, and folders that are not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.layout import (
    TableKey,
    check_root,
    context_name,
    file_name,
    month_folder,
    named_span,
)
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks

TICKS = st.integers(parse_ticks("2022-01-01T00:00:00Z"), parse_ticks("2100-01-01T00:00:00Z"))


def test_partitions_are_named_as_promised() -> None:
    key = TableKey(context_name("Nip", "5250001210"), "Subject2")
    assert (
        month_folder(key, "2026-03") == "invoices/context=nip-5250001210/subject_type=Subject2/month=2026-03"
    )


def test_a_file_is_named_by_its_window_with_all_digits_its_export_and_its_writer() -> None:
    name = file_name("2026-03-01T01:00:00.1234567+01:00", "2026-03-02T00:00:00Z", "20260901-EH-1-2-AD", 7, 3)
    assert name == "20260301T0000001234567Z_20260302T0000000000000Z_20260901-EH-1-2-AD_7_3.parquet"


@given(start=TICKS, end=TICKS)
def test_a_name_tells_its_span(start: int, end: int) -> None:
    assert named_span(file_name(format_ticks(start), format_ticks(end), "EH", 1, 2)) == (
        start // 10,
        end // 10,
    )


@pytest.mark.parametrize("name", ["part-0.parquet", "20260301_x.parquet", ""])
def test_another_name_tells_nothing(name: str) -> None:
    assert named_span(name) is None


def test_a_missing_an_empty_and_our_own_folder_will_do(tmp_path: Path) -> None:
    check_root(UPath(tmp_path / "not" / "yet"))
    check_root(UPath(tmp_path))
    (tmp_path / "_ksef").mkdir()
    (tmp_path / "invoices").mkdir()
    (tmp_path / ".snapshot").mkdir()
    check_root(UPath(tmp_path))
    check_root(UPath(f"file://{tmp_path}"))
    check_root(UPath("memory://tables-that-are-not-there"))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(KsefInputError, match=r"tables_path=.*holds something else: photos") as caught:
        check_root(UPath(tmp_path))
    assert "Give another folder" in str(caught.value)


@pytest.mark.parametrize("below", ["", "tables"])
def test_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "invoices.csv").write_text("a,b")
    with pytest.raises(KsefInputError, match=r"tables_path=.*is a file"):
        check_root(UPath(tmp_path / "invoices.csv" / below))


def test_an_object_store_that_holds_something_else_is_refused() -> None:
    root = UPath("memory://shop/backup")
    (root / "database.dump").write_bytes(b"x")
    with pytest.raises(KsefInputError, match=r"holds something else: database\.dump"):
        check_root(root)
    with pytest.raises(KsefInputError, match="is a file"):
        check_root(root / "database.dump")


def test_a_storage_that_cannot_be_reached_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    root = UPath("memory://anywhere")

    def fail(*args: object, **kwargs: object) -> bool:
        raise PermissionError("access denied")

    monkeypatch.setattr(type(root.fs), "isfile", fail)
    with pytest.raises(KsefInputError, match=r"cannot be read \(access denied\)"):
        check_root(root)
