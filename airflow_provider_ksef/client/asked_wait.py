"""How long an answer asks to wait: seconds or a date, as HTTP allows (RFC 9110, 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0
"""Seconds that anybody is believed: what is longer, or no sane number, is asked again after a day."""


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """
    Give the seconds that an answer asks to wait; None where it does not say, or says nothing that is one.

    :param headers: of the answer, their names in lower case. A date counts from the answer's own, so that it
        does not matter how the caller's clock is set.
    """
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdecimal():
        return min(float(given), LONGEST)
    until = _moment(given)
    if until is None:
        return None
    answered = _moment(headers.get("date", "")) or datetime.now(UTC)
    return min(max(0.0, (until - answered).total_seconds()), LONGEST)


def _moment(text: str) -> datetime | None:
    """Read one of the date forms of HTTP; all of them are UTC."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
