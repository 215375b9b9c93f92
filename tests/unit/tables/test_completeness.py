"""When a month is complete, and how far a table lags."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.completeness import complete_months, is_month_complete, table_positions
from airflow_provider_ksef.tables.retention import new_rule
from airflow_provider_ksef.tables.table_format import open_tables
from airflow_provider_ksef.tables.verified import note_verified, read_verified, withdraw_verified
from tests.unit.tables.tiny import KEY, put, tiny_rows

MARCH = "2026-02-28T23:00:00.0000000+00:00"  # midnight in Poland, winter time
APRIL = "2026-03-31T22:00:00.0000000+00:00"  # summer time


@pytest.fixture
def root(tmp_path: Path) -> UPath:
    return UPath(tmp_path)


def reach(root: UPath, start: str, *ends: str) -> None:
    for end in ends:
        put(root, start, end, tiny_rows())
        start = end


def test_a_month_is_complete_when_the_watermark_has_passed_its_end_and_an_hour(root: UPath) -> None:
    reach(root, MARCH, "2026-03-31T22:59:59.9999999+00:00")
    assert not is_month_complete(root, "2026-03")
    assert complete_months(root) == []
    reach(root, "2026-03-31T22:59:59.9999999+00:00", "2026-03-31T23:00:00.0000000+00:00")
    assert is_month_complete(root, "2026-03")
    assert complete_months(root) == ["2026-03"]
    assert not is_month_complete(root, "2026-04")


def test_the_time_that_storing_takes_may_be_stated(root: UPath) -> None:
    reach(root, MARCH, APRIL)
    assert is_month_complete(root, "2026-03", storage_lag=timedelta(0))
    assert not is_month_complete(root, "2026-03", storage_lag=timedelta(microseconds=1))


def test_a_month_before_the_first_run_is_not_complete(root: UPath) -> None:
    reach(root, "2026-02-28T23:00:00.0000001+00:00", "2026-05-15")
    assert not is_month_complete(root, "2026-03")
    assert complete_months(root) == ["2026-04"]
    note_verified(root, KEY, MARCH, "2026-03-31T23:00:00.0000000+00:00")
    assert is_month_complete(root, "2026-03")
    assert complete_months(root) == ["2026-03", "2026-04"]


def test_verification_may_be_asked_for(root: UPath) -> None:
    reach(root, "2026-01-01", "2026-05-15")
    assert not is_month_complete(root, "2026-03", require_verified=True)
    note_verified(root, KEY, "2026-02-01T00:00:00+00:00", "2026-03-10T00:00:00+00:00")
    assert complete_months(root, require_verified=True) == []
    note_verified(root, KEY, "2026-03-10T00:00:00+00:00", "2026-04-01T00:00:00+00:00")
    assert complete_months(root, require_verified=True) == ["2026-03"]


def test_verification_of_the_month_and_the_hour_after_it_is_enough(root: UPath) -> None:
    reach(root, "2026-01-01", "2026-05-15")
    note_verified(root, KEY, MARCH, "2026-03-31T22:59:59.9999998+00:00")
    assert not is_month_complete(root, "2026-03", require_verified=True)
    note_verified(root, KEY, MARCH, "2026-03-31T22:59:59.9999999+00:00")  # the last tick before the end
    assert is_month_complete(root, "2026-03", require_verified=True)


def test_a_month_that_was_found_different_is_not_complete_until_it_is_found_equal(root: UPath) -> None:
    reach(root, "2026-01-01", "2026-05-15")
    note_verified(root, KEY, MARCH, "2026-05-01T00:00:00+00:00")
    assert complete_months(root) == ["2026-02", "2026-03", "2026-04"]
    withdraw_verified(root, KEY, "2026-03-10T00:00:00+00:00", "2026-03-20T00:00:00+00:00")
    for require_verified in (False, True):
        assert not is_month_complete(root, "2026-03", require_verified=require_verified)
    assert complete_months(root) == ["2026-02", "2026-04"]
    [position] = table_positions(root)
    assert "differs from KSeF, as a verification found of 2026-03-10" in str(position.missing("2026-03"))
    note_verified(root, KEY, "2026-03-10T00:00:00+00:00", "2026-03-15T00:00:00+00:00")
    assert not is_month_complete(root, "2026-03"), "the rest may still differ"
    note_verified(root, KEY, "2026-03-15T00:00:00+00:00", "2026-03-20T00:00:00+00:00")
    assert is_month_complete(root, "2026-03", require_verified=True)


def test_a_difference_counts_for_the_month_and_the_hour_after_it(root: UPath) -> None:
    reach(root, "2025-12-01", "2026-05-15")
    withdraw_verified(root, KEY, "2026-03-31T22:59:59.9999999+00:00", "2026-04-02T00:00:00+00:00")
    assert complete_months(root) == ["2026-01", "2026-02"]
    note_verified(root, KEY, "2026-03-31T22:59:59.9999999+00:00", "2026-03-31T22:59:59.9999999+00:00")
    assert complete_months(root) == ["2026-01", "2026-02", "2026-03"]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_month_that_retention_has_emptied_or_cut_is_not_complete(root: UPath, table_format: str) -> None:
    put(root, "2025-12-31T23:00:00+00:00", "2026-05-15", tiny_rows(a="2026-02-03"), table_format=table_format)
    tables = open_tables(root, table_format)

    def delete(before: str | None, nip: str | None = None) -> None:
        rule = new_rule(before, nip, position="2026-05-15T00:00:00+00:00", now=datetime.now(UTC))
        tables.delete_rows(KEY, rule, owner="test")

    delete("2026-03-01")
    assert complete_months(root) == ["2026-03", "2026-04"]
    assert not is_month_complete(root, "2026-02")
    [position] = table_positions(root)
    assert position.deleted_before("2026-02") == MARCH
    assert position.deleted_before("2026-03") is None
    assert f"lost to retention what was stored before {MARCH}" in str(position.missing("2026-02"))
    delete("2026-03-02")
    delete("2026-02-15")
    assert complete_months(root) == ["2026-04"]
    delete(None, "1111111111")
    assert complete_months(root) == ["2026-04"], "rows of one counterparty are not missed"


def test_every_role_and_context_must_be_there(root: UPath) -> None:
    reach(root, MARCH, "2026-05-15")
    seller = replace(KEY, subject_type="Subject1")
    assert not is_month_complete(root, "2026-03", subject_types=["Subject2", "Subject1"])
    put(root, MARCH, "2026-03-15", tiny_rows(), key=seller)
    assert not is_month_complete(root, "2026-03", subject_types=["Subject2", "Subject1"])
    put(root, "2026-03-15", "2026-04-15", tiny_rows(), key=seller)
    assert is_month_complete(root, "2026-03", subject_types=["Subject2", "Subject1"])
    assert is_month_complete(root, "2026-03", contexts=[KEY.context])
    assert not is_month_complete(root, "2026-03", contexts=[KEY.context, "nip-1111111111"])
    put(root, MARCH, "2026-03-15", tiny_rows(), key=replace(KEY, context="nip-1111111111"))
    assert not is_month_complete(root, "2026-03")


def test_a_backfill_alone_completes_nothing(root: UPath) -> None:
    put(root, MARCH, "2026-05-15", tiny_rows(a="2026-03-05"), moves_watermark=False)
    assert complete_months(root) == []
    [position] = table_positions(root)
    assert position.lag(datetime.now(UTC)) is None
    note_verified(root, KEY, MARCH, "2026-05-01T00:00:00+00:00")
    assert complete_months(root) == []


def test_what_is_no_month_is_refused(root: UPath) -> None:
    for month in ("2026-13", "2026-3", "03-2026", "march", ""):
        with pytest.raises(KsefInputError, match="month"):
            is_month_complete(root, month)


def test_december_ends_with_the_year(root: UPath) -> None:
    reach(root, "2025-11-30T23:00:00+00:00", "2026-01-01T00:00:00+00:00")
    assert complete_months(root) == ["2025-12"]


def test_the_lag_is_from_the_watermark_to_now(root: UPath) -> None:
    reach(root, MARCH, "2026-03-15T10:00:00.1234567+00:00")
    [position] = table_positions(root)
    assert position.lag(datetime(2026, 3, 15, 12, tzinfo=UTC)) == timedelta(seconds=7199, microseconds=876543)


def test_spans_that_touch_become_one(root: UPath) -> None:
    def day(number: int) -> str:
        return f"2026-01-{number:02d}T00:00:00.0000000+00:00"

    for first, last in ((5, 7), (1, 3), (9, 12), (3, 4), (6, 9)):
        note_verified(root, KEY, day(first), day(last))
    assert read_verified(root, KEY) == ((day(1), day(4)), (day(5), day(12)))
    (root / f"_ksef/verified/{KEY.context}/{KEY.subject_type}.json").write_text("{")
    with pytest.raises(KsefTableError, match="verify the table again"):
        read_verified(root, KEY)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"contexts": []}, "contexts=.*empty"),
        ({"contexts": KEY.context}, "contexts=.*one text"),
        ({"subject_types": []}, "subject_types=.*empty"),
        ({"subject_types": "Subject2"}, "subject_types=.*one text"),
    ],
)
def test_of_nothing_no_month_is_complete(root: UPath, chosen: dict[str, Any], told: str) -> None:
    reach(root, MARCH, "2026-05-15")
    for ask in (partial(is_month_complete, month="2026-04"), complete_months, table_positions):
        with pytest.raises(KsefInputError, match=told):
            ask(root, **chosen)


def test_hidden_files_beside_a_watermark_are_no_tables(root: UPath) -> None:
    reach(root, MARCH, "2026-05-15")
    folder = Path(root.path) / "_ksef/watermark"
    for name in (".DS_Store", f"{KEY.context}/.nfs000000000001"):
        (folder / name).write_bytes(b"")
    assert [position.key for position in table_positions(root)] == [KEY]
