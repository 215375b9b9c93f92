"""
The arithmetic of turns: when KSeF will let the next request of a group through.

KSeF counts a request when it arrives, somewhere between our sending it and our receiving its answer. So a
turn is *in flight* from the moment it is taken, and counts as if it were now; it *lands* when the answer is
there. Counted from its landing a request is never older in our eyes than in KSeF's, so no window is
used twice.

pyrate-limiter says when a window has room. Its buckets are not used: an entry of theirs keeps the time at
which it was put in, and cannot move to that of the answer; and its waiters look again every 50 ms, which is
a twentieth of the shortest window.

All times are whole microseconds of the store's clock.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from pyrate_limiter import Rate, SlidingWindowLog

from airflow_provider_ksef.client.limits import RateLimit

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
LEASE = 5 * SECOND
"""How long a request may be on its way; who has not told of its answer by then is taken for dead."""
_WINDOWS = SlidingWindowLog()


class TurnLog(msgspec.Struct):
    """
    The requests of one counter.

    :param landed: when each was answered, in order.
    :param in_flight: by turn, when it counts as answered at the latest.
    :param blocked_until: KSeF has asked everyone to wait until then.
    :param promised: by waiter, when it was told to come back.
    :param begun: when it was begun with nothing in it, which tells it from one that the store has lost.
    """

    landed: list[int] = []
    in_flight: dict[str, int] = {}
    blocked_until: int = 0
    promised: dict[str, int] = {}
    begun: int = 0

    def times(self, now: int) -> list[int]:
        """Give the times that count, in order; one far ahead is of a clock that was set back since."""
        times = [*self.landed, *(min(lease, now) for lease in self.in_flight.values())]
        return sorted(time for time in times if time <= now + LEASE)

    def land(self, turn: str, now: int) -> None:
        """
        Count a turn as answered, also one that the store has lost since.

        :param turn: its name.
        """
        self.in_flight.pop(turn, None)
        insort(self.landed, now)

    def forget(self, now: int) -> None:
        """Drop what no window reaches any more."""
        del self.landed[: bisect_left(self.landed, now - HOUR)]
        for turn in [turn for turn, lease in self.in_flight.items() if lease < now - HOUR]:
            del self.in_flight[turn]
        self.promised = {who: moment for who, moment in self.promised.items() if now < moment <= now + DAY}

    def with_promised(self) -> TurnLog:
        """Give the log as it will be when all have come back who were told to."""
        landed = sorted([*self.landed, *self.promised.values()])
        return TurnLog(landed=landed, in_flight=self.in_flight, blocked_until=self.blocked_until)

    def block(self, until: int) -> None:
        """Let nobody through before a moment."""
        self.blocked_until = max(self.blocked_until, until)

    def blocked_for(self, now: int) -> int:
        """Tell for how long nobody is let through; what is too long is of a clock that was set back since."""
        blocked = self.blocked_until - now
        return blocked if 0 < blocked <= DAY else 0

    def says_anything(self, now: int) -> bool:
        """Whether it stops anybody at all."""
        return bool(self.landed or self.in_flight or self.blocked_for(now))

    def add(self, other: TurnLog) -> None:
        """
        Count what another log of this counter knows as well, rather twice than not at all.

        No two turns land in the same microsecond, since each does so while the store is its alone.
        """
        self.landed = sorted({*self.landed, *other.landed})
        self.in_flight = {**other.in_flight, **self.in_flight}
        self.promised = {**other.promised, **self.promised}
        self.block(other.blocked_until)


@dataclass(frozen=True)
class Window:
    """
    One sliding window of a counter.

    :param name: such as ``hour``.
    :param limit: of requests within it.
    :param length: in microseconds.
    """

    name: str
    limit: int
    length: int


def windows_of(limit: RateLimit) -> list[Window]:
    """Give the windows of a limit, without those that have none."""
    lengths = {
        "second": (limit.per_second, 1),
        "minute": (limit.per_minute, 60),
        "hour": (limit.per_hour, 3600),
    }
    return [Window(name, most, seconds * SECOND) for name, (most, seconds) in lengths.items() if most]


def wait_of(log: TurnLog, windows: list[Window], now: int) -> int:
    """
    Tell how long the next request has to wait, at the least: those in flight may land later.

    :returns: microseconds; 0 where it may go at once.
    """
    times = log.times(now)
    waits = [_wait_of(times, window, now) for window in windows]
    return max(log.blocked_for(now), *waits, 0)


def used(log: TurnLog, window: Window, now: int) -> int:
    """Count the requests within a window."""
    times = log.times(now)
    return len(times) - bisect_left(times, now - window.length)


def take(logs: Mapping[str, TurnLog], windows: Mapping[str, list[Window]], turn: str, now: int) -> int:
    """
    Take a turn of several counters at once, or of none.

    :param logs: by counter.
    :param windows: by counter.
    :param turn: its name.
    :returns: microseconds to wait; 0 where the turn is taken.
    """
    wait = max(wait_of(log, windows[name], now) for name, log in logs.items())
    if wait == 0:
        for log in logs.values():
            log.forget(now)
            log.in_flight[turn] = now + LEASE
    return wait


def promise(
    logs: Mapping[str, TurnLog], windows: Mapping[str, list[Window]], own: str, waiter: str, now: int
) -> int:
    """
    Tell one who waits long when to come back: when its turn will be there after those of all who were told
    before. It is no right to a turn; who comes in between may take it.

    :param logs: by counter.
    :param windows: by counter.
    :param own: the counter in whose line it stands.
    :param waiter: its name; what it was told before is void.
    :returns: microseconds to wait, a day at the most.
    """
    line = logs[own]
    line.forget(now)
    line.promised.pop(waiter, None)
    expected = {**logs, own: line.with_promised()}
    moment = max([now, *line.promised.values()])
    while wait := max(wait_of(log, windows[name], moment) for name, log in expected.items()):
        moment += wait
    line.promised[waiter] = min(moment, now + DAY)
    return line.promised[waiter] - now


def _wait_of(times: list[int], window: Window, now: int) -> int:
    rate = Rate(window.limit, window.length)
    count = len(times) - bisect_left(times, _WINDOWS.window_start(rate, now))
    decision = _WINDOWS.decide([rate], [count], 1, now, lambda offset: times[-1 - offset])
    return 0 if decision.allowed else max(1, decision.retry_after_ms or 0)
