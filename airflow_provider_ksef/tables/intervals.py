"""
Intervals that a DAG author states become windows of KSeF.

An interval is half-open, as Airflow's data intervals are: ``date_from`` is in it, ``date_to`` is not. KSeF's
bounds are both inclusive, so a window may bring an invoice of the very instant ``date_to``; it comes again
with the next interval, and the commit drops it. Nothing between two adjacent intervals is ever left out.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.exceptions import KsefFullInstantError, KsefInputError
from airflow_provider_ksef.tables.moments import (
    POLAND,
    TICKS_PER_MICROSECOND,
    format_ticks,
    from_datetime,
    is_after,
    parse_ticks,
    polish_date,
    to_microseconds,
    to_ticks,
)
from airflow_provider_ksef.tables.schema import STORED
from airflow_provider_ksef.tables.windows import MAX_DAYS, Window, next_position, windows_between

FIRST_YEAR = 2022
"""KSeF keeps invoices since then."""
ISSUE = "Issue"


def past_moment(field: str, value: str | date | datetime, now: datetime) -> str:
    """
    Check a moment that was given, and write it as KSeF does.

    :param field: the parameter, for the error.
    :param value: a date (its midnight in Poland) or a date-time with offset; text or object.
    :param now: with an offset.
    :raises KsefInputError: where it is neither, before KSeF's first year, or in the future.
    """
    moment = given_moment(field, value)
    if parse_ticks(moment) > to_ticks(now):
        raise KsefInputError(
            field, str(value), "is in the future", "Give a day that has come, such as 2026-02-01."
        )
    return moment


def given_moment(field: str, value: str | date | datetime) -> str:
    """Check a moment as :func:`past_moment` does, though it may still lie ahead."""
    moment = _moment(field, value)
    if moment.astimezone(POLAND).year < FIRST_YEAR:
        raise KsefInputError(
            field,
            str(value),
            f"is before {FIRST_YEAR}, when KSeF began",
            f"Give a day from {FIRST_YEAR}-01-01 on, such as 2026-02-01.",
        )
    return from_datetime(moment)


def interval_windows(
    date_from: str | date | datetime, date_to: str | date | datetime, date_type: str, now: datetime
) -> tuple[Window, ...]:
    """
    Divide an interval into windows that KSeF allows, the first one first.

    :param date_from: where it begins; see :func:`past_moment`.
    :param date_to: where it ends, not in it. Of issue dates, today may be the last one in it.
    :param date_type: ``Issue``, ``Invoicing`` or ``PermanentStorage``.
    :param now: with an offset.
    :raises KsefInputError: where a bound is wrong, or the interval is empty.
    """
    start = past_moment("date_from", date_from, now)
    end = given_moment("date_to", date_to)
    if not is_after(end, start):
        raise KsefInputError(
            "date_to",
            str(date_to),
            f"is not after date_from={date_from}",
            "Give a later one: it is not included. Airflow's data intervals have a length with a "
            "CronDataIntervalTimetable.",
        )
    if date_type == ISSUE:
        return _day_windows(polish_date(start), polish_date(format_ticks(parse_ticks(end) - 1)), now)
    past_moment("date_to", date_to, now)
    return windows_between(start, end)


def microsecond_windows(start: str, end: str) -> tuple[Window, ...]:
    """
    Divide a half-open span into windows that cover whole microseconds and share none.

    Tables keep microseconds, KSeF ticks of 100 ns: only so a window means the same invoices in both.

    :param start: the first microsecond; digits beyond it are cut.
    :param end: the first microsecond after the span; likewise.
    """
    first, last = (format_ticks(to_microseconds(bound) * TICKS_PER_MICROSECOND) for bound in (start, end))
    return tuple(
        Window(window.start, format_ticks(parse_ticks(str(window.end)) - 1))
        for window in windows_between(first, last)
    )


def storage_bounds(rows: pa.Table) -> tuple[str, str]:
    """Give the first and the last storage date of one or more rows, in whatever order they are."""
    bounds = pc.min_max(rows.column(STORED))
    return from_datetime(bounds["min"].as_py()), from_datetime(bounds["max"].as_py())


def _day_windows(first: date, last: date, now: datetime) -> tuple[Window, ...]:
    """Days are whole: the next window begins with the day after the last one."""
    if last > now.astimezone(POLAND).date():
        raise KsefInputError("date_to", str(last), "is in the future", "Give tomorrow at the latest.")
    starts = range(first.toordinal(), last.toordinal() + 1, MAX_DAYS)
    return tuple(
        Window(
            noon(date.fromordinal(start)),
            noon(min(last, date.fromordinal(start) + timedelta(days=MAX_DAYS - 1))),
        )
        for start in starts
    )


def noon(day: date) -> str:
    """Give a moment that falls on a day in Poland and in UTC: of issue dates KSeF looks at the day alone."""
    return from_datetime(datetime.combine(day, time(12), POLAND))


def position_after(
    window: Window, date_type: str, is_truncated: bool, last_date: str | None, hwm_date: str | None
) -> str:
    """
    Give the position that an export of a window leads to, whichever date it goes by.

    :param last_date: of a truncated package the date of its last invoice; a day where it goes by issue dates.
    :param hwm_date: the high-water mark, which KSeF tells for storage dates alone.
    :raises KsefIntegrityError: where the package lacks the date that is needed.
    :raises KsefFullInstantError: where a truncated window cannot advance.
    """
    if date_type != ISSUE or not is_truncated or last_date is None:
        return next_position(window, is_truncated, last_date, hwm_date)
    reached = noon(date.fromisoformat(last_date[:10]))
    if not is_after(reached, window.start):
        raise KsefFullInstantError(
            f"The window cannot advance: more than 10,000 invoices were issued on {last_date[:10]}.",
            'Backfill this day by date_type="PermanentStorage", which tells instants apart.',
        )
    return reached


def _moment(field: str, value: str | date | datetime) -> datetime:
    given = _parsed(value.strip()) if isinstance(value, str) else value
    if isinstance(given, datetime):
        if given.utcoffset() is not None:
            return given
    elif isinstance(given, date):
        return datetime.combine(given, time(), POLAND)
    raise KsefInputError(
        field,
        str(value),
        "is neither a date nor a date-time with offset",
        "Give a date such as 2026-02-01, or a date-time such as 2026-02-01T00:00:00+01:00.",
    )


def _parsed(text: str) -> date | datetime | None:
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            return parse(text)
        except ValueError:
            continue
    return None
