"""What the limiter says to a request: go now, or wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_ksef.client.turn_log import SECOND, TurnLog, Window, used, wait_of


@dataclass(frozen=True)
class Turn:
    """
    The right to send one request now.

    :param name: of its own.
    :param keys: of the counters it counts in.
    :param used: requests of the last hour in its group, this one included.
    :param limit: of an hour; None without one.
    """

    name: str
    keys: tuple[str, ...]
    used: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Wait:
    """
    No request may be sent for a while.

    :param seconds: until it is worth while to ask again.
    :param until: the same as a moment, in seconds since the epoch.
    :param reason: what uses the budget up.
    """

    seconds: float
    until: float
    reason: str


def pause(length: int, now: int, reason: str) -> Wait:
    """
    Make a wait.

    :param length: in microseconds.
    :param now: likewise, by the store's clock.
    :param reason: for it.
    """
    return Wait(length / SECOND, (now + length) / SECOND, reason)


def wait_for(logs: Mapping[str, TurnLog], windows: Mapping[str, list[Window]], length: int, now: int) -> Wait:
    """
    Make a wait for counters, with what uses them up as its reason.

    :param logs: by counter.
    :param windows: by counter.
    :param length: in microseconds.
    """
    reasons = (_reason(each, windows[key], now) for key, each in logs.items())
    return pause(length, now, next(filter(None, reasons), ""))


def _reason(turns: TurnLog, windows: list[Window], now: int) -> str:
    """Say what leaves no room, the longest window first."""
    for window in reversed(windows):
        if wait_of(turns, [window], now) > turns.blocked_for(now):
            return f"{used(turns, window, now)} of {window.limit} calls of the last {window.name} are used"
    return "KSeF has asked to wait" if turns.blocked_for(now) else ""
