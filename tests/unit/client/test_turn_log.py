"""However requests are timed, KSeF's windows are never exceeded, and hardly any of them is left unused."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.client.limits import RateLimit
from airflow_provider_ksef.client.turn_log import (
    HOUR,
    LEASE,
    SECOND,
    TurnLog,
    promise,
    take,
    used,
    wait_of,
    windows_of,
)

START = 1_000 * HOUR
MINUTE = 60 * SECOND
limits = st.builds(
    RateLimit,
    per_second=st.none() | st.integers(1, 6),
    per_minute=st.none() | st.integers(1, 12),
    per_hour=st.integers(1, 20),
)
ways = st.lists(
    st.tuples(st.integers(0, SECOND), st.integers(0, SECOND), st.booleans()), min_size=1, max_size=40
)


@dataclass
class Simulation:
    """
    Callers who always have work, and a KSeF that counts when requests arrive.

    :param ways: of each request in turn, from its sending to its arrival and on to the answer, in
        microseconds, and whether its process is killed on the way.
    """

    limit: RateLimit
    ways: list[tuple[int, int, bool]]
    log: TurnLog = field(default_factory=TurnLog)
    arrivals: list[int] = field(default_factory=list)

    def run(self, callers: int, until: int) -> None:
        events = [(START, number, "") for number in range(callers)]
        windows, sent = windows_of(self.limit), 0
        while events and events[0][0] <= START + until:
            now, number, landing = heapq.heappop(events)
            if landing:
                self.log.land(landing, now)
            name = f"{number}-{sent}"
            wait = take({"x": self.log}, {"x": windows}, name, now)
            if wait:
                heapq.heappush(events, (now + wait, number, ""))
                continue
            way, back, is_killed = self.ways[sent % len(self.ways)]
            sent += 1
            self.arrivals.append(now + way)
            if is_killed:
                heapq.heappush(events, (now + way, number, ""))
            else:
                heapq.heappush(events, (now + way + back, number, name))

    def most(self, length: int) -> int:
        """Count the requests of the fullest window as KSeF does."""
        times = sorted(self.arrivals)
        return max(index + 1 - bisect_right(times, time - length) for index, time in enumerate(times))


@given(limit=limits, ways=ways, callers=st.integers(1, 8))
def test_no_window_of_ksef_is_exceeded(
    limit: RateLimit, ways: list[tuple[int, int, bool]], callers: int
) -> None:
    simulation = Simulation(limit, ways)
    simulation.run(callers, 3 * HOUR)
    assert simulation.arrivals
    for window in windows_of(limit):
        assert simulation.most(window.length) <= window.limit


@given(limit=st.integers(1, 20), way=st.integers(0, SECOND // 50), callers=st.integers(1, 8))
def test_no_window_is_left_unused_while_there_is_work(limit: int, way: int, callers: int) -> None:
    simulation = Simulation(RateLimit(None, None, limit), [(way, way, False)])
    simulation.run(callers, 10 * HOUR)
    slowest = HOUR + 2 * way * -(-limit // callers) + 10
    assert len(simulation.arrivals) >= limit * (10 * HOUR // slowest)


def test_a_killed_process_keeps_its_turn_for_no_longer_than_its_window() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(1, None, None))
    assert take({"x": log}, {"x": windows}, "killed", START) == 0
    assert wait_of(log, windows, START + LEASE) > 0
    assert wait_of(log, windows, START + LEASE + SECOND + 1) == 0


def test_who_waits_for_one_in_flight_waits_its_window_and_no_more() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(1, None, None))
    take({"x": log}, {"x": windows}, "first", START)
    assert wait_of(log, windows, START + 10) == SECOND + 1
    log.land("first", START + 300)
    assert wait_of(log, windows, START + 300 + SECOND) == 1
    assert wait_of(log, windows, START + 301 + SECOND) == 0


def test_a_turn_is_taken_of_all_counters_or_of_none() -> None:
    logs, limit = (
        {"own": TurnLog(), "global": TurnLog()},
        {"own": RateLimit(5, None, None), "global": RateLimit(1, None, None)},
    )
    windows = {name: windows_of(each) for name, each in limit.items()}
    assert take(logs, windows, "first", START) == 0
    assert take(logs, windows, "second", START + 1) > 0
    assert [used(log, windows[name][0], START + 1) for name, log in logs.items()] == [1, 1]


def test_nobody_goes_before_ksef_says_so() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(5, None, None))
    log.block(START + 7 * SECOND)
    log.block(START + 3 * SECOND)
    assert take({"x": log}, {"x": windows}, "first", START) == 7 * SECOND
    assert take({"x": log}, {"x": windows}, "first", START + 7 * SECOND) == 0


def test_a_clock_that_is_set_back_far_stops_nobody() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(None, None, 1))
    take({"x": log}, {"x": windows}, "before", START)
    log.land("before", START + 1)
    assert wait_of(log, windows, START - SECOND) > HOUR
    assert wait_of(log, windows, START - 5 * HOUR) == 0


@pytest.mark.parametrize("limit", [RateLimit(None, None, None), RateLimit(3, None, 100)])
def test_what_no_window_reaches_is_dropped(limit: RateLimit) -> None:
    log, windows = TurnLog(), windows_of(limit)
    for number in range(50):
        now = START + number * HOUR // 10
        take({"x": log}, {"x": windows}, str(number), now)
        if number % 2:
            log.land(str(number), now)
    assert len(log.landed) + len(log.in_flight) <= 12


@given(limit=limits, waiters=st.integers(1, 23))
def test_who_comes_back_when_told_to_need_not_leave_again(limit: RateLimit, waiters: int) -> None:
    log, windows = TurnLog(), windows_of(limit)
    used_up = 0
    while take({"x": log}, {"x": windows}, str(used_up), START) == 0:
        log.land(str(used_up), START)
        used_up += 1
    told = [START + promise({"x": log}, {"x": windows}, "x", str(number), START) for number in range(waiters)]
    assert told == sorted(told)
    for number, moment in enumerate(told):
        assert take({"x": log}, {"x": windows}, f"turn {number}", moment) == 0
        log.land(f"turn {number}", moment)


def test_who_asks_again_stands_in_the_line_once() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(None, None, 1))
    take({"x": log}, {"x": windows}, "first", START)
    log.land("first", START)
    told = [promise({"x": log}, {"x": windows}, "x", who, START) // HOUR for who in ("a", "a", "b", "a", "c")]
    assert told == [1, 1, 2, 3, 4]
    assert promise({"x": log}, {"x": windows}, "x", "d", START + 3 * HOUR + SECOND) // HOUR == 1


def test_nobody_is_told_to_come_back_after_more_than_a_day() -> None:
    log, windows = TurnLog(), windows_of(RateLimit(None, None, 1))
    take({"x": log}, {"x": windows}, "first", START)
    told = [promise({"x": log}, {"x": windows}, "x", str(number), START) for number in range(30)]
    assert max(told) == 24 * HOUR


def test_a_line_of_one_counter_holds_up_no_other() -> None:
    everything = TurnLog()
    logs = [{"own": TurnLog(), "global": everything}, {"other": TurnLog(), "global": everything}]
    windows = {
        "own": windows_of(RateLimit(None, None, 1)),
        "other": windows_of(RateLimit(None, 1, None)),
        "global": windows_of(RateLimit(9, None, None)),
    }
    for counter, each in zip(("own", "other"), logs, strict=True):
        take(each, windows, counter, START)
        each[counter].land(counter, START)
        everything.land(counter, START)
    assert promise(logs[0], windows, "own", "a", START) == HOUR + 1
    assert promise(logs[1], windows, "other", "b", START) == MINUTE + 1
