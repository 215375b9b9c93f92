"""Stated intervals: half-open where they are given, inclusive where KSeF is asked, no gap between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.exceptions import KsefInputError, KsefTableError
from airflow_provider_ksef.tables.intervals import (
    interval_windows,
    microsecond_windows,
    noon,
    position_after,
    storage_bounds,
)
from airflow_provider_ksef.tables.moments import POLAND, format_ticks, parse_ticks, polish_date, to_ticks
from airflow_provider_ksef.tables.windows import MAX_DAYS, Window, next_position, windows_between

TICKS_A_DAY = 24 * 3600 * 10_000_000
NOW = datetime(2026, 9, 1, tzinfo=UTC)
LAST = to_ticks(NOW)
FIRST = parse_ticks("2022-01-01T00:00:00+01:00")
TICKS = st.integers(FIRST, LAST)
DAYS = st.dates(date(2022, 1, 1), date(2026, 8, 31))
CAP = 5
"""Invoices of one package in these tests; KSeF's are 10,000."""


def ends(window: Window) -> tuple[int, int]:
    assert window.end is not None
    return parse_ticks(window.start), parse_ticks(window.end)


@given(bounds=st.tuples(TICKS, TICKS).map(sorted))
def test_windows_tile_a_span_and_none_is_wider_than_ksef_allows(bounds: list[int]) -> None:
    start, end = bounds
    windows = [ends(window) for window in windows_between(format_ticks(start), format_ticks(end))]
    if start == end:
        assert windows == []
        return
    assert (windows[0][0], windows[-1][1]) == (start, end)
    assert all(last == first for (_, last), (first, _) in pairwise(windows))
    assert all(0 < last - first <= MAX_DAYS * TICKS_A_DAY for first, last in windows)


@given(
    days=st.lists(DAYS, min_size=3, max_size=3, unique=True).map(sorted),
    date_type=st.sampled_from(["Issue", "Invoicing", "PermanentStorage"]),
)
def test_adjacent_intervals_of_polish_days_leave_no_moment_out(days: list[date], date_type: str) -> None:
    """Whatever the clocks do between them: a Polish midnight is 22:00 or 23:00 UTC."""
    first, middle, last = days
    windows = [
        ends(window)
        for bounds in ((first, middle), (middle, last))
        for window in interval_windows(*bounds, date_type, NOW)
    ]
    joints = {start for start, _ in windows}
    for day in (first, middle - timedelta(days=1), middle, last - timedelta(days=1)):
        moments = (
            [noon(day)]
            if date_type == "Issue"
            else [midnight(day), tick_before(midnight(day + timedelta(days=1)))]
        )
        for moment in moments:
            covering = sum(start <= parse_ticks(moment) <= end for start, end in windows)
            assert covering == 1 or (covering == 2 and parse_ticks(moment) in joints), moment
    if date_type == "Issue":
        covered = sum(
            (polish_date(format_ticks(end)) - polish_date(format_ticks(start))).days + 1
            for start, end in windows
        )
        assert covered == (last - first).days, "each day once"
    else:
        assert all(end == start for (_, end), (start, _) in pairwise(windows))


def midnight(day: date) -> str:
    return format_ticks(to_ticks(datetime.combine(day, datetime.min.time(), POLAND)))


def tick_before(moment: str) -> str:
    return format_ticks(parse_ticks(moment) - 1)


@given(day=DAYS)
def test_noon_is_the_same_day_in_poland_and_in_utc(day: date) -> None:
    assert polish_date(noon(day)) == day == datetime.fromisoformat(noon(day)[:19] + "+00:00").date()


@given(bounds=st.tuples(TICKS, TICKS).map(sorted), moment=TICKS)
def test_whole_microseconds_are_compared_once_each(bounds: list[int], moment: int) -> None:
    start, end = bounds
    windows = [ends(window) for window in microsecond_windows(format_ticks(start), format_ticks(end))]
    covering = sum(first <= moment <= last for first, last in windows)
    assert covering == (start // 10 <= moment // 10 < end // 10)
    assert all(first % 10 == 0 and last % 10 == 9 for first, last in windows)


@given(
    offsets=st.lists(st.integers(0, 6), max_size=40),
    until=st.integers(0, 7),
    step=st.sampled_from([1, 10, 3600 * 10_000_000, TICKS_A_DAY]),
)
def test_truncated_packages_bring_every_invoice_of_a_window_or_a_clear_error(
    offsets: list[int], until: int, step: int
) -> None:
    """Ticks tell invoices apart; more than a package holds at one instant cannot be walked past."""
    base = parse_ticks("2026-03-29T00:59:59.9999998Z")  # the night in which Polish clocks go forward
    stored = sorted(base + offset * step for offset in offsets)
    window = Window(format_ticks(base), format_ticks(base + until * step))
    wanted = {number for number, offset in enumerate(sorted(offsets)) if offset <= until}
    brought: set[int] = set()
    is_truncated = True
    while is_truncated:
        start, end = ends(window)
        found = [number for number, tick in enumerate(stored) if start <= tick <= end]
        brought.update(found[:CAP])
        is_truncated = len(found) > CAP
        last = format_ticks(stored[found[CAP - 1]]) if is_truncated else None
        if last == window.start:
            with pytest.raises(KsefTableError, match="more than 10,000 invoices at one instant"):
                next_position(window, is_truncated, last, window.end)
            assert stored.count(start) >= CAP
            return
        window = Window(next_position(window, is_truncated, last, window.end), window.end)
    assert brought == wanted
    assert window.start == window.end


def test_issue_dates_go_on_by_days_and_a_crowded_day_is_a_clear_error() -> None:
    window = interval_windows("2026-02-01", "2026-03-01", "Issue", NOW)[0]
    assert window == Window(noon(date(2026, 2, 1)), noon(date(2026, 2, 28)))
    position = position_after(window, "Issue", True, "2026-02-10", None)  # noqa: FBT003
    assert position == noon(date(2026, 2, 10))
    with pytest.raises(KsefTableError, match="more than 10,000 invoices were issued on 2026-02-10"):
        position_after(Window(position, window.end), "Issue", True, "2026-02-10", None)  # noqa: FBT003


@pytest.mark.parametrize(
    ("bounds", "problem"),
    [
        (("2026-02-01", "2026-02-01"), "date_to=.*is not after date_from"),
        (("2026-02-02", "2026-02-01"), "date_to=.*is not after date_from"),
        (("2026-02-01", "2026-09-02"), "date_to=.*is in the future"),
        (("2026-09-02", "2026-09-03"), "date_from=.*is in the future"),
        (("2021-12-31", "2026-09-01"), "date_from=.*before 2022"),
        (("None", "2026-09-01"), "date_from=.*neither a date nor"),
        (("2026-02-01", "2026-03-01T00:00:00"), "date_to=.*neither a date nor"),
    ],
)
def test_a_wrong_interval_is_refused_with_its_field(bounds: tuple[str, str], problem: str) -> None:
    with pytest.raises(KsefInputError, match=problem):
        interval_windows(*bounds, "PermanentStorage", NOW)


def test_today_may_be_the_last_day_of_issue() -> None:
    assert interval_windows("2026-08-31", "2026-09-02", "Issue", NOW)[-1].end == noon(date(2026, 9, 1))
    with pytest.raises(KsefInputError, match="in the future"):
        interval_windows("2026-08-31", "2026-09-03", "Issue", NOW)


def test_what_airflow_renders_of_a_data_interval_is_understood() -> None:
    month = interval_windows(
        "2026-01-31 23:00:00+00:00", "2026-02-28T23:00:00+00:00", "PermanentStorage", NOW
    )
    assert month == interval_windows("2026-02-01", date(2026, 3, 1), "PermanentStorage", NOW)


def test_storage_bounds_do_not_need_sorted_rows() -> None:
    moments = [datetime(2026, 3, day, tzinfo=UTC) for day in (9, 2, 5)]
    rows = pa.table({"permanent_storage_date": pa.array(moments, pa.timestamp("us", tz="UTC"))})
    assert storage_bounds(rows) == ("2026-03-02T00:00:00.0000000+00:00", "2026-03-09T00:00:00.0000000+00:00")
