"""
Times of several ways to do the same, in turn, round by round, so that noise meets all of them.

Each way has a process of its own, so that none works beside the garbage of another.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarks.cases import Case, Run

_FORK = get_context("fork")
_AGAIN = "again"


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
    with ExitStack() as stack:
        ways = [stack.enter_context(_process(way)) for way in (case.ours, *(peer.run for peer in case.peers))]
        times: list[list[float]] = [[] for _ in ways]
        for number in range(rounds + 1):
            print(f"{case.name}: round {number} of {rounds}", file=sys.stderr, flush=True)
            for way, taken in zip(ways, times, strict=True):
                way.send(_AGAIN)
                taken.append(way.recv())
    own, *others = (statistics.median(taken[1:]) for taken in times)
    return [
        Comparison(case.name, own, peer.name, other / peer.share, peer.at_least)
        for peer, other in zip(case.peers, others, strict=True)
    ]


@contextmanager
def _process(way: Run) -> Iterator[Connection]:
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(way, theirs))
    process.start()
    theirs.close()
    yield ours
    ours.send(None)  # its end alone would not be noticed: later processes hold it open
    process.join()


def _serve(way: Run, connection: Connection) -> None:
    """Do the work as often as asked, and answer with the seconds."""
    while connection.recv():
        gc.collect()
        started = time.perf_counter()
        way()
        connection.send(time.perf_counter() - started)
