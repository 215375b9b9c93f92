"""Retention rules: what makes one, which of them are kept, and that none is lost."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.commit import commit_steps
from airflow_provider_ksef.tables.delta_commit import DeltaWriter
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.lease import Step
from airflow_provider_ksef.tables.retention import (
    RetentionRule,
    new_rule,
    note_rule,
    read_retention,
    retention_folder,
    retention_rules,
)
from airflow_provider_ksef.tables.storage import LocalStore, open_store
from airflow_provider_ksef.tables.table_format import TABLE_FORMATS, open_tables
from tests.unit.tables.packages import invoice, rows
from tests.unit.tables.tiny import KEY, moment, put, stage, tiny_rows

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NIP, OTHER = "5250001210", "1111111111"


def rule(day: str, nip: str | None = None) -> RetentionRule:
    return RetentionRule(moment(day), nip)


def noted(root: Path, *rules: RetentionRule) -> list[tuple[str, str | None]]:
    for each in rules:
        note_rule(LocalStore(root), KEY, each)
    return [(each.stored_before[:10], each.nip) for each in read_retention(UPath(root), KEY)]


@pytest.mark.parametrize(
    "given", [("2026-01-01", ""), ("", NIP), ("", None), (None, ""), ("", ""), (None, None), (" ", NIP)]
)
def test_what_was_rendered_empty_widens_no_rule(given: tuple[Any, Any]) -> None:
    with pytest.raises(KsefInputError):
        new_rule(*given, position=moment("2026-04-01"), now=NOW)


def test_a_rule_takes_the_place_of_those_that_it_covers(tmp_path: Path) -> None:
    days = [rule(f"2026-01-{day:02d}") for day in range(1, 20)]
    assert noted(tmp_path, *days) == [("2026-01-19", None)], "a rule a day is one file"
    assert noted(tmp_path, rule("2026-01-05"), rule("2026-01-10", NIP)) == [("2026-01-19", None)]
    both = [("2026-01-19", None), ("2026-02-01", NIP), ("2026-02-01", OTHER)]
    assert noted(tmp_path, rule("2026-02-01", NIP), rule("2026-02-01", OTHER)) == both
    assert noted(tmp_path, rule("2026-01-31")) == [*both[1:], ("2026-01-31", None)]
    assert noted(tmp_path, rule("2026-03-01")) == [("2026-03-01", None)]


def test_a_reader_meets_the_old_rule_or_the_new_one(tmp_path: Path) -> None:
    class Slow(LocalStore):
        """A reader that sleeps between its listing and its reading."""

        slept = False

        def read(self, path: str) -> bytes | None:
            if not self.slept:
                self.slept = True
                noted(tmp_path, rule("2026-02-01"))
            return super().read(path)

    noted(tmp_path, rule("2026-01-01"))
    [found] = retention_rules(Slow(tmp_path), KEY)
    assert found.stored_before == moment("2026-02-01")
    assert LocalStore(tmp_path).names(retention_folder(KEY)) == ["2.json"]


def writer(root: UPath, table_format: str, rows: IncomingRows, reference: str) -> Generator[Step, None, Any]:
    """A backfill whose lease is over as soon as somebody with a real clock looks at it."""
    window = CommittedWindow(moment("2026-01-01"), moment("2026-02-01"), reference)
    owner, at = "dag/run/backfill/-1", {"clock": lambda: 0.0}
    if table_format == "delta":
        return DeltaWriter(root, KEY, window, "test", moves_watermark=False).steps(rows, owner, **at)
    return commit_steps(
        open_store(root), KEY, window, rows, environment="test", owner=owner, moves_watermark=False, **at
    )


@pytest.mark.parametrize("table_format", TABLE_FORMATS)
def test_no_writer_that_slept_brings_deleted_rows_back(tmp_path: Path, table_format: str) -> None:
    """It sleeps after each of its steps in turn, and wakes when its lease is over and the rows are gone."""
    root = UPath(tmp_path / "tables")
    tables = open_tables(root, table_format)
    put(root, "2026-01-01", "2026-03-01", tiny_rows(other="2026-01-05"), table_format=table_format)
    for sleeps_after in range(1, 100):
        nip, number = f"{sleeps_after:010d}", f"gone-{sleeps_after}"
        stored = f"2026-01-07T12:00:00.{sleeps_after:06d}Z"
        given = rows(
            invoice(ksefNumber=number, permanentStorageDate=stored, seller={"nip": nip, "name": "x"})
        )
        staged = stage(tmp_path, "invoice_lines", given.select(["ksef_number", "permanent_storage_date"]))
        writing = writer(root, table_format, IncomingRows(given, (staged,)), f"EH-{sleeps_after}")
        taken = list(itertools.islice(writing, sleeps_after))
        tables.delete_rows(KEY, RetentionRule(moment("2026-03-01"), nip), owner="dag/run/delete/-1")
        with contextlib.suppress(KsefLeaseError):
            list(writing)
        for table in ("invoices", "invoice_lines"):
            there = read(table, root, columns=["ksef_number"]).column(0).to_pylist()
            assert number not in there, (table, taken[-1])
        if len(taken) < sleeps_after:
            assert sleeps_after > 10
            return
    pytest.fail("the writer never ended")


@pytest.mark.parametrize("table_format", TABLE_FORMATS)
def test_what_a_killed_commit_left_goes_with_a_counterparty(tmp_path: Path, table_format: str) -> None:
    root = UPath(tmp_path / "tables")
    kept = rows(invoice(ksefNumber="kept", permanentStorageDate="2026-01-05T12:00:00Z"))
    lines = tiny_rows(kept="2026-01-05T12:00:00", left="2026-01-06", later="2026-01-20")
    put(root, "2026-01-01", "2026-01-10", kept, table_format=table_format)
    tables = open_tables(root, table_format)
    given = rows(*(invoice(ksefNumber=name, permanentStorageDate=stored) for name, stored in (
        ("kept", "2026-01-05T12:00:00Z"), ("left", "2026-01-06T00:00:00Z"), ("later", "2026-01-20T00:00:00Z"),
    )))  # fmt: skip
    staged = stage(tmp_path, "invoice_lines", lines)
    writing = writer(root, table_format, IncomingRows(given, (staged,)), "EH-1")
    for step in writing:
        if step in {"delta: committed invoice_lines", "publish: published a file"}:
            break
    assert read("invoices", root).num_rows == 1
    assert read("invoice_lines", root).num_rows == 3
    rule = RetentionRule(moment("2026-01-10"), "3333333333")
    counted = tables.delete_rows(KEY, rule, owner="dag/run/delete/-1", dry_run=True)
    assert (counted["invoice_lines"], counted["invoices"]) == (1, 0)
    assert tables.delete_rows(KEY, rule, owner="dag/run/delete/-1") == counted
    assert read("invoice_lines", root)["ksef_number"].to_pylist() == ["kept", "later"]
