"""KSeF's date strings: seven digits, any offset, floored and never rounded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.moments import (
    POLAND,
    complete_through,
    format_ticks,
    is_after,
    parse_ticks,
    polish_date,
    stands_at,
    to_datetime,
    to_microseconds,
    to_ticks,
)

TICKS = st.integers(parse_ticks("2022-01-01T00:00:00Z"), parse_ticks("2100-01-01T00:00:00Z"))
OFFSETS = st.integers(-14 * 60, 14 * 60)


def written(ticks: int, offset_minutes: int, digits: int) -> str:
    """Write a moment in another zone, with as many digits as it needs at least."""
    offset = timezone(timedelta(minutes=offset_minutes))
    local = datetime.fromtimestamp(ticks // 10_000_000, offset)
    fraction = f"{ticks % 10_000_000:07d}"
    fraction = fraction.rstrip("0").ljust(digits, "0")
    text = local.isoformat()
    return f"{text[:19]}{'.' + fraction if fraction else ''}{text[19:]}"


@given(ticks=TICKS)
def test_a_moment_survives_writing_and_reading(ticks: int) -> None:
    assert parse_ticks(format_ticks(ticks)) == ticks


@given(ticks=TICKS, offset=OFFSETS, digits=st.integers(0, 7))
def test_offset_and_cut_zeros_do_not_change_a_moment(ticks: int, offset: int, digits: int) -> None:
    assert parse_ticks(written(ticks, offset, digits)) == ticks


@given(ticks=TICKS)
def test_a_moment_is_floored_to_microseconds(ticks: int) -> None:
    moment = format_ticks(ticks)
    assert to_microseconds(moment) * 10 <= ticks < to_microseconds(moment) * 10 + 10
    assert to_ticks(to_datetime(moment)) == ticks // 10 * 10


def test_the_seventh_digit_never_rounds_up() -> None:
    assert to_datetime("2026-03-31T23:59:59.9999999+00:00") == datetime(
        2026, 3, 31, 23, 59, 59, 999999, tzinfo=UTC
    )


@given(ticks=TICKS, later=st.integers(0, 30))
def test_a_watermark_stands_at_its_window_only_without_a_gap(ticks: int, later: int) -> None:
    start, watermark = format_ticks(ticks), format_ticks(ticks + later)
    assert stands_at(watermark, start) == ((ticks + later) // 10 == ticks // 10)
    assert stands_at(start, watermark) == (later == 0)


@given(ticks=TICKS, offset=OFFSETS)
def test_a_watermark_stands_at_its_window_however_it_is_written(ticks: int, offset: int) -> None:
    assert stands_at(written(ticks, offset, 0), format_ticks(ticks))
    assert stands_at(format_ticks(ticks), format_ticks(ticks // 10 * 10))
    assert not is_after(written(ticks, offset, 0), format_ticks(ticks))
    assert is_after(format_ticks(ticks + 1), written(ticks, offset, 0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-03-01T00:00:00.Z",
        "2026-03-01T00:00:00+99:00",
        "٢٠٢٦-03-01T00:00:00Z",
        "2026-03-01T00:00:00Z\n",
        "now",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(KsefTableError, match="not a moment"):
        parse_ticks(text)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-01-31T22:59:59.9999999Z", date(2026, 1, 31)),
        ("2026-01-31T23:00:00Z", date(2026, 2, 1)),
        ("2026-03-28T23:00:00Z", date(2026, 3, 29)),
        ("2026-03-29T21:59:59Z", date(2026, 3, 29)),
        ("2026-03-29T22:00:00Z", date(2026, 3, 30)),
        ("2026-10-25T22:59:59Z", date(2026, 10, 25)),
        ("2026-10-25T23:00:00Z", date(2026, 10, 26)),
    ],
)
def test_days_are_polish_in_winter_and_summer(moment: str, day: date) -> None:
    assert polish_date(moment) == day


@given(ticks=TICKS)
def test_complete_through_is_the_last_day_that_is_over(ticks: int) -> None:
    day = complete_through(format_ticks(ticks))
    next_midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), POLAND)
    following = datetime.combine(day + timedelta(days=2), datetime.min.time(), POLAND)
    assert to_ticks(next_midnight) <= ticks < to_ticks(following)
