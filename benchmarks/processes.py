"""A fresh process for each way, so that none works beside the modules and the garbage of another."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

_FRESH = get_context("spawn")
_SETTLING_SECONDS = 0.3
"""What the way before has freed goes back to the system meanwhile."""


@contextmanager
def at_work(way: Callable[[], object]) -> Iterator[Connection]:
    """
    Start a process: each thing sent lets it do the work once and answer with the seconds.

    :param way: may be sent to another process.
    """
    ours, theirs = _FRESH.Pipe()
    process = _FRESH.Process(target=_serve, args=(way, theirs))
    process.start()
    theirs.close()
    with ours:
        yield ours
    process.join()


def _serve(way: Callable[[], object], connection: Connection) -> None:
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        gc.collect()
        time.sleep(_SETTLING_SECONDS)
        started = time.perf_counter()
        way()
        connection.send(time.perf_counter() - started)
