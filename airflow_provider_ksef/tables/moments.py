"""
KSeF's moments: date strings with up to seven fraction digits, compared and floored without a rounding.

A moment is a string where it is kept, and a count of ticks (100 ns since 1970, UTC) where it is compared.
Columns hold microseconds; a moment is floored to them, never rounded up, or invoices would be skipped.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_ksef.exceptions import KsefTableError

POLAND = ZoneInfo("Europe/Warsaw")
TICKS_PER_SECOND = 10_000_000
TICKS_PER_MICROSECOND = 10
STORAGE_LAG = timedelta(hours=1)
"""
How long after its number an invoice may be stored for good. KSeF says that it takes a while and not how long;
its examples show seconds.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII
)


def parse_ticks(moment: str) -> int:
    """
    Count the ticks of 100 ns from 1970 to a moment.

    :param moment: ISO 8601 with an offset or ``Z`` and up to nine fraction digits, of which seven count.
    :raises KsefTableError: where it is anything else. A moment without offset means Polish time in some
        versions of KSeF and UTC in others, so it is refused.
    """
    match = _MOMENT.fullmatch(moment)
    try:
        if match is None:
            raise ValueError(moment)
        day, time, fraction, offset = match.groups()
        whole = datetime.fromisoformat(f"{day}T{time}{'+00:00' if offset in 'Zz' else offset}")
        seconds = (whole - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise KsefTableError(
            f"{moment!r} is not a moment of KSeF.",
            "A moment looks like 2026-03-01T00:00:00.0000000+00:00, with an offset.",
        ) from error
    return seconds * TICKS_PER_SECOND + int((fraction or "")[:7].ljust(7, "0"))


def format_ticks(ticks: int) -> str:
    """Write a count of ticks as KSeF does: UTC, seven fraction digits, ``+00:00``."""
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    whole = _EPOCH + timedelta(seconds=seconds)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{fraction:07d}+00:00"


def to_ticks(moment: datetime) -> int:
    """Count the ticks of a datetime, which must have an offset."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * TICKS_PER_MICROSECOND


def to_microseconds(moment: str) -> int:
    """Count the microseconds from 1970 to a moment, floored."""
    return parse_ticks(moment) // TICKS_PER_MICROSECOND


def to_datetime(moment: str) -> datetime:
    """Give a moment as a UTC datetime, floored to microseconds."""
    return _EPOCH + timedelta(microseconds=to_microseconds(moment))


def from_datetime(moment: datetime) -> str:
    """Write a datetime, which must have an offset, as KSeF does."""
    return format_ticks(to_ticks(moment))


def is_after(moment: str, other: str) -> bool:
    """Tell whether a moment is later than another, by a tick at least, however the two are written."""
    return parse_ticks(moment) > parse_ticks(other)


def earlier(moment: str, other: str) -> str:
    """Give the earlier one of two moments."""
    return other if is_after(moment, other) else moment


def stands_at(watermark: str, start: str) -> bool:
    """
    Tell whether a watermark is still where a window starts.

    It must not lie before the start, by a single tick even: the rows between would be lost. It may lie later
    within the same microsecond: a start that went through a datetime was floored, and loses nothing by it.
    """
    return parse_ticks(watermark) >= parse_ticks(start) and to_microseconds(start) >= to_microseconds(
        watermark
    )


def polish_date(moment: str) -> date:
    """Give the day that a moment falls on in Poland."""
    return to_datetime(moment).astimezone(POLAND).date()


def complete_through(position: str) -> date:
    """
    Give the last Polish day whose stored invoices are all in a table.

    :param position: the table's watermark.
    :returns: the day before the one that the watermark falls on in Poland.
    """
    return polish_date(position) - timedelta(days=1)
