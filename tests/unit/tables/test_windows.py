"""Windows: adjacent, inclusive, never wider than KSeF allows, and never standing still."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError, KsefTableError
from airflow_provider_ksef.tables.intervals import past_moment
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks, to_ticks
from airflow_provider_ksef.tables.windows import (
    MAX_DAYS,
    Window,
    count_windows,
    next_position,
    next_window,
)

DAY = 24 * 3600 * 10_000_000
FIRST = parse_ticks("2022-01-01T00:00:00Z")
STARTS = st.integers(FIRST, parse_ticks("2026-09-01T00:00:00Z"))
NOW = datetime(2026, 9, 1, tzinfo=UTC)
NOWS = st.datetimes(datetime(2026, 9, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(start=STARTS, now=NOWS)
def test_windows_cover_everything_from_the_position_to_now(start: int, now: datetime) -> None:
    position, count = format_ticks(start), 0
    while True:
        window = next_window(position, now)
        count += 1
        assert window.start == position
        if window.end is None:
            assert to_ticks(now) - parse_ticks(position) <= MAX_DAYS * DAY
            break
        assert parse_ticks(window.end) - parse_ticks(window.start) == MAX_DAYS * DAY
        position = window.end
    assert count == count_windows(format_ticks(start), now)


def test_a_position_of_this_instant_is_one_window() -> None:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    assert count_windows(format_ticks(to_ticks(now)), now) == 1
    assert count_windows(format_ticks(to_ticks(now) + 5), now) == 1
    assert next_window(format_ticks(to_ticks(now) + 5), now).end is None


@pytest.mark.parametrize("start", ["2026-11-30T14:00:00Z", "2026-01-31T23:00:00Z", "2025-12-01T00:00:00Z"])
def test_a_window_fits_three_months_also_at_a_months_end(start: str) -> None:
    window = next_window(start, datetime(2030, 1, 1, tzinfo=UTC))
    assert window.end is not None
    begin, end = datetime.fromisoformat(start), datetime.fromisoformat(window.end)
    year, month = divmod(begin.year * 12 + begin.month - 1 + 3, 12)
    last_day = monthrange(year, month + 1)[1]
    assert end <= begin.replace(year=year, month=month + 1, day=min(begin.day, last_day))


@given(
    start=STARTS,
    width=st.none() | st.integers(0, MAX_DAYS * DAY),
    truncated=st.booleans(),
    last=st.integers(-DAY, 100 * DAY),
    hwm=st.none() | st.integers(-DAY, 100 * DAY),
)
def test_the_next_position_stays_within_the_window(
    start: int, width: int | None, truncated: bool, last: int, hwm: int | None
) -> None:
    window = Window(format_ticks(start), None if width is None else format_ticks(start + width))
    try:
        reached = next_position(
            window,
            truncated,
            format_ticks(start + last) if truncated else None,
            None if hwm is None else format_ticks(start + hwm),
        )
    except KsefTableError:
        assert truncated
        assert min(last, last if width is None else width) <= 0
        return
    except KsefIntegrityError:
        assert hwm is None
        assert width is None
        assert not truncated
        return
    assert start <= parse_ticks(reached)
    assert width is None or parse_ticks(reached) <= start + width
    source = last if truncated else hwm
    assert source is None or parse_ticks(reached) <= max(start, start + source)


def test_the_position_keeps_ksefs_own_string() -> None:
    window = Window("2026-03-01T00:00:00.0000000+00:00", None)
    last = "2026-03-05T17:20:11.1234567+00:00"
    assert (
        next_position(
            window,
            is_truncated=True,
            last_date=last,
            hwm_date="2026-09-01T00:00:00.0000000+00:00",
        )
        == last
    )
    assert next_position(window, is_truncated=False, last_date=None, hwm_date=last) == last


def test_a_window_without_hwm_ends_at_its_end() -> None:
    window = Window("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert next_position(window, is_truncated=False, last_date=None, hwm_date=None) == "2026-04-01T00:00:00Z"


def test_more_invoices_than_fit_at_one_instant_are_a_clear_error() -> None:
    window = Window("2026-03-01T00:00:00.1234567+00:00", None)
    with pytest.raises(KsefTableError, match="more than 10,000 invoices at one instant"):
        next_position(
            window,
            is_truncated=True,
            last_date="2026-03-01T01:00:00.1234567+01:00",
            hwm_date=None,
        )


def test_one_tick_is_progress() -> None:
    window = Window("2026-03-01T00:00:00.1234567+00:00", None)
    assert next_position(
        window,
        is_truncated=True,
        last_date="2026-03-01T00:00:00.1234568+00:00",
        hwm_date=None,
    ).endswith("68+00:00")


@pytest.mark.parametrize(
    ("given_value", "moment"),
    [
        ("2026-02-01", "2026-01-31T23:00:00.0000000+00:00"),
        (date(2026, 7, 1), "2026-06-30T22:00:00.0000000+00:00"),
        ("2026-02-01T00:00:00+01:00", "2026-01-31T23:00:00.0000000+00:00"),
        (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(microseconds=5), "2026-02-01T00:00:00.0000050+00:00"),
        ("2026-02-01T00:00:00.1234569Z", "2026-02-01T00:00:00.1234560+00:00"),
        (" 2022-01-01 ", "2021-12-31T23:00:00.0000000+00:00"),
    ],
)
def test_sync_from_becomes_a_moment(given_value: str | date, moment: str) -> None:
    assert past_moment("sync_from", given_value, NOW) == moment


@pytest.mark.parametrize(
    ("given_value", "problem"),
    [
        ("2021-12-31", "before 2022"),
        (date(2019, 1, 1), "before 2022"),
        ("2026-02-01T00:00:00", "neither a date nor"),
        (datetime(2026, 2, 1), "neither a date nor"),  # noqa: DTZ001
        ("yesterday", "neither a date nor"),
        ("", "neither a date nor"),
        ("2026-02-30", "neither a date nor"),
        (7, "neither a date nor"),
    ],
)
def test_a_bad_sync_from_is_refused_with_its_name(given_value: str, problem: str) -> None:
    with pytest.raises(KsefInputError, match=f"sync_from=.*{problem}"):
        past_moment("sync_from", given_value, NOW)
