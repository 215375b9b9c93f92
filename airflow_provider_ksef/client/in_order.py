"""Work on two threads, whose results come in the order of the work, with little of it in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 2
_AHEAD = 3
"""Results that are waited for or wait to be taken."""


def in_order(work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
    """
    Do work on each item; close the iterator where not all results are taken.

    :param work: worth a thread where it leaves the interpreter to others most of the time.
    :param items: taken one by one, a few ahead of the results.
    """
    running: deque[Future[R]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="ksef-packing") as pool:
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) == _AHEAD:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
