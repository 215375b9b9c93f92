"""
Windows of permanent storage dates: what one export is asked for, and where the next one begins.

Both bounds of a window are inclusive in KSeF, and the next window starts where the last one ended, so the
boundary's invoices come twice; the commit drops those that are there. Nothing here asks a clock or a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError, KsefTableError
from airflow_provider_ksef.tables.moments import (
    POLAND,
    TICKS_PER_SECOND,
    format_ticks,
    is_after,
    parse_ticks,
    to_ticks,
)

MAX_DAYS = 89
"""KSeF allows three months or 100 days, depending on its version; 89 days fit both, whatever the zone."""
FIRST_YEAR = 2022
"""KSeF keeps invoices since then."""

_DAY = 24 * 3600 * TICKS_PER_SECOND


@dataclass(frozen=True)
class Window:
    """
    A span of permanent storage dates, both bounds inclusive.

    :param start: KSeF's own date string.
    :param end: the same, or None for "up to the high-water mark".
    """

    start: str
    end: str | None


def next_window(position: str, now: datetime, max_days: int = MAX_DAYS) -> Window:
    """
    Give the window that begins at a position.

    :param position: the watermark.
    :param now: with an offset.
    :param max_days: what KSeF allows in one question.
    :returns: an open end where the rest up to now fits into one window.
    """
    start = parse_ticks(position)
    if to_ticks(now) - start <= max_days * _DAY:
        return Window(position, None)
    return Window(position, format_ticks(start + max_days * _DAY))


def count_windows(position: str, now: datetime, max_days: int = MAX_DAYS) -> int:
    """Count the windows from a position to now: the least number of exports that bring a table up to date."""
    return max(1, -((parse_ticks(position) - to_ticks(now)) // (max_days * _DAY)))


def next_position(
    window: Window, is_truncated: bool, last_permanent_storage_date: str | None, hwm_date: str | None
) -> str:
    """
    Give the position that an exported window leads to: never behind its start, never beyond its end.

    KSeF's docs, ``przyrostowe-pobieranie-faktur.md``: the last storage date of a truncated package, else the
    high-water mark, else the window's end; never the newest invoice's date and never the clock.

    :param window: what was asked for.
    :param is_truncated: whether KSeF stopped at 10,000 invoices.
    :param last_permanent_storage_date: ``lastPermanentStorageDate`` of a truncated package.
    :param hwm_date: ``permanentStorageHwmDate``.
    :raises KsefIntegrityError: where the package lacks the date that is needed.
    :raises KsefTableError: where a truncated window cannot advance.
    """
    reached = last_permanent_storage_date if is_truncated else hwm_date or window.end
    if reached is None:
        missing = "lastPermanentStorageDate" if is_truncated else "permanentStorageHwmDate"
        raise KsefIntegrityError(
            f"The export of {window.start} to {window.end or 'the high-water mark'} came without {missing}.",
            "The table is as it was; export the window anew.",
        )
    if window.end is not None and is_after(reached, window.end):
        reached = window.end
    if is_after(reached, window.start):
        return reached
    if is_truncated:
        raise KsefTableError(
            f"The window cannot advance: there are more than 10,000 invoices at one instant, {window.start}.",
            "KSeF's exports go no further; report it to KSeF's helpdesk. The table is complete up to there.",
        )
    return window.start


def check_sync_from(value: str | date | datetime, now: datetime) -> str:
    """
    Check where a first run begins and give it as a moment.

    :param value: a date (its midnight in Poland) or a date-time with offset; text or object.
    :param now: with an offset.
    :raises KsefInputError: where it is neither, before KSeF's first year, or in the future.
    """
    moment = _moment(value)
    if moment > now:
        raise KsefInputError(
            "sync_from",
            str(value),
            "is in the future",
            "Give a day before your first invoice, such as 2026-02-01.",
        )
    if moment.astimezone(POLAND).year < FIRST_YEAR:
        raise KsefInputError(
            "sync_from",
            str(value),
            f"is before {FIRST_YEAR}, when KSeF began",
            f"Give a day from {FIRST_YEAR}-01-01 on, such as 2026-02-01.",
        )
    return format_ticks(to_ticks(moment))


def _moment(value: str | date | datetime) -> datetime:
    given = _parsed(value.strip()) if isinstance(value, str) else value
    if isinstance(given, datetime):
        if given.utcoffset() is not None:
            return given
    elif isinstance(given, date):
        return datetime.combine(given, time(), POLAND)
    raise KsefInputError(
        "sync_from",
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
