"""How long the range of dates of a query may be."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from airflow_provider_ksef.emulator.errors import Invalid
from airflow_provider_ksef.emulator.moments import TICKS_PER_MICROSECOND, WARSAW, datetime_of, ticks_of

_MOST_DAYS = 100
_MOST_MONTHS = 3


class LongestRange(StrEnum):
    """The rule of API 2.8 and later, and the one until 2.7."""

    DAYS = "100 days"
    MONTHS = "3 months"


def check_range(start: int, end: int, longest: LongestRange) -> None:
    """
    Check that a range is not too long. Both moments are in ticks.

    :raises Invalid: where it is.
    """
    fits = is_within_days if longest is LongestRange.DAYS else _is_within_months
    if not fits(start, end):
        raise Invalid(f"'dateRange' must not exceed {longest}.")


def is_within_days(start: int, end: int) -> bool:
    """Calendar days of UTC count."""
    return datetime_of(end).date() - datetime_of(start).date() <= timedelta(days=_MOST_DAYS)


def _is_within_months(start: int, end: int) -> bool:
    """It is enough that the range fits by UTC or by Polish time."""
    return end <= max(_months_after(start, UTC), _months_after(start, WARSAW))


def _months_after(ticks: int, zone: tzinfo) -> int:
    moment = datetime_of(ticks).astimezone(zone)
    years, month = divmod(moment.month - 1 + _MOST_MONTHS, 12)
    year, month = moment.year + years, month + 1
    day = min(moment.day, monthrange(year, month)[1])
    later = datetime.combine(moment.date().replace(year, month, day), moment.time(), zone)
    return ticks_of(later) + ticks % TICKS_PER_MICROSECOND
