"""Times of several ways to do the same, in turn, round by round, so that noise meets all of them."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from dataclasses import dataclass

from benchmarks.cases import Case, Run


@dataclass(frozen=True)
class Comparison:
    """Medians in seconds; the peer's for the whole work."""

    name: str
    ours: float
    peer: str
    peers: float
    at_least: float

    @property
    def ratio(self) -> float:
        return self.peers / self.ours


def compare(case: Case, rounds: int) -> list[Comparison]:
    """Measure a case; the first round warms up and does not count."""
    ways = [case.ours, *(peer.run for peer in case.peers)]
    times: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        print(f"{case.name}: round {number} of {rounds}", file=sys.stderr, flush=True)
        for way, taken in zip(ways, times, strict=True):
            taken.append(_seconds(way))
    own, *others = (statistics.median(taken[1:]) for taken in times)
    return [
        Comparison(case.name, own, peer.name, other / peer.share, peer.at_least)
        for peer, other in zip(case.peers, others, strict=True)
    ]


def _seconds(way: Run) -> float:
    gc.collect()
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
