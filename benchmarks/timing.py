"""Times of several ways to do the same, in turn, round by round, so that noise meets all of them."""

from __future__ import annotations

import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.cases import Case
from benchmarks.processes import at_work

_AGAIN = "again"
WARM_UP = 2


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


def compare(case: Case, rounds: int, warm_up: int = WARM_UP) -> list[Comparison]:
    """Measure a case; the first rounds warm up and do not count."""
    with ExitStack() as stack:
        ways = [stack.enter_context(at_work(way)) for way in (case.ours, *(peer.run for peer in case.peers))]
        times: list[list[float]] = [[] for _ in ways]
        for number in range(warm_up + rounds):
            print(f"{case.name}: round {number + 1} of {warm_up + rounds}", file=sys.stderr, flush=True)
            for way, taken in zip(ways, times, strict=True):
                way.send(_AGAIN)
                taken.append(way.recv())
    own, *others = (statistics.median(taken[warm_up:]) for taken in times)
    return [
        Comparison(case.name, own, peer.name, other / peer.share, peer.at_least)
        for peer, other in zip(case.peers, others, strict=True)
    ]
