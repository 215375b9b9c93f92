"""
Windows of dates: what one export is asked for, and where the next one begins.

Both bounds of a window are inclusive in KSeF, and the next window starts where the last one ended, so the
boundary's invoices come twice; the commit drops those that are there. Nothing here asks a clock or a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from airflow_provider_ksef.exceptions import KsefFullInstantError, KsefIntegrityError
from airflow_provider_ksef.tables.moments import (
    TICKS_PER_SECOND,
    format_ticks,
    is_after,
    parse_ticks,
    to_ticks,
)

MAX_DAYS = 89
"""KSeF allows three months or 100 days, depending on its version; 89 days fit both, whatever the zone."""
_DAY = 24 * 3600 * TICKS_PER_SECOND


@dataclass(frozen=True)
class Window:
    """
    A span of dates, both bounds inclusive.

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


def windows_between(start: str, end: str) -> tuple[Window, ...]:
    """Divide a span of moments into adjacent windows, the first one first; none where it is empty."""
    bounds = [*range(parse_ticks(start), parse_ticks(end), MAX_DAYS * _DAY), parse_ticks(end)]
    moments = [format_ticks(bound) for bound in bounds]
    return tuple(Window(first, last) for first, last in pairwise(moments))


def next_position(window: Window, is_truncated: bool, last_date: str | None, hwm_date: str | None) -> str:
    """
    Give the position that an exported window leads to: never behind its start, never beyond its end.

    KSeF's docs, ``przyrostowe-pobieranie-faktur.md``: the last storage date of a truncated package, else the
    high-water mark, else the window's end; never the newest invoice's date and never the clock.

    :param window: what was asked for.
    :param is_truncated: whether KSeF stopped at 10,000 invoices.
    :param last_date: of a truncated package ``lastPermanentStorageDate``, or ``lastInvoicingDate`` where the
        window is one of invoicing dates.
    :param hwm_date: ``permanentStorageHwmDate``.
    :raises KsefIntegrityError: where the package lacks the date that is needed.
    :raises KsefFullInstantError: where a truncated window cannot advance.
    """
    reached = last_date if is_truncated else hwm_date or window.end
    if reached is None:
        missing = "the date of its last invoice" if is_truncated else "permanentStorageHwmDate"
        raise KsefIntegrityError(
            f"The export of {window.start} to {window.end or 'the high-water mark'} came without {missing}.",
            "The table is as it was; export the window anew.",
        )
    if window.end is not None and is_after(reached, window.end):
        reached = window.end
    if is_after(reached, window.start):
        return reached
    if is_truncated:
        raise full_instant(window.start)
    return window.start


def full_instant(instant: str) -> KsefFullInstantError:
    """Give the error where one export cannot hold all invoices of an instant."""
    return KsefFullInstantError(
        f"The window cannot advance: there are more than 10,000 invoices at one instant, {instant}.",
        "KSeF's exports go no further, and no other try does; report it to KSeF's helpdesk.",
    )
