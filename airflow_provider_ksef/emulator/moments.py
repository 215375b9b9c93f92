"""KSeF's moments: whole ticks of 100 ns since 1970, as they are written and read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

TICKS_PER_SECOND = 10_000_000
TICKS_PER_MICROSECOND = 10
WARSAW = ZoneInfo("Europe/Warsaw")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?)?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)


def ticks_of(moment: datetime) -> int:
    """Give an aware datetime in ticks."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * TICKS_PER_SECOND + passed.microseconds * 10


def datetime_of(ticks: int) -> datetime:
    """Give ticks as UTC datetime, floored to microseconds."""
    return _EPOCH + timedelta(microseconds=ticks // TICKS_PER_MICROSECOND)


def parse_moment(text: str, *, zone: ZoneInfo | None = None) -> int:
    """
    Read an ISO date or date-time.

    :param zone: of a value without offset; UTC where it is not given.
    :raises ValueError: where the text is none.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text}' is not an ISO 8601 date-time")
    day, time, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{day}T{time or '00:00'}{offset.upper() if offset else ''}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or UTC)
    return ticks_of(moment) + int((fraction or "").ljust(7, "0")[:7])


def format_moment(ticks: int) -> str:
    """Write with seven digits, as statuses do."""
    return f"{_seconds(ticks)}.{ticks % TICKS_PER_SECOND:07d}+00:00"


def format_metadata_moment(ticks: int) -> str:
    """Write with six digits, as metadata do."""
    return f"{_seconds(ticks)}.{ticks % TICKS_PER_SECOND // 10:06d}+00:00"


def format_error_moment(ticks: int) -> str:
    """Write as error bodies do."""
    return f"{_seconds(ticks)}.{ticks % TICKS_PER_SECOND:07d}Z"


def format_polish_moment(ticks: int) -> str:
    """Write Polish time with its offset and three digits, as receipts do."""
    return datetime_of(ticks).astimezone(WARSAW).isoformat(timespec="milliseconds")


def polish_day(ticks: int) -> date:
    """The calendar day in Poland."""
    return datetime_of(ticks).astimezone(WARSAW).date()


def _seconds(ticks: int) -> str:
    return (_EPOCH + timedelta(seconds=ticks // TICKS_PER_SECOND)).isoformat()[:19]
