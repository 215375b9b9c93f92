"""Work that goes on after its request was answered."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count

log = logging.getLogger(__name__)

_AT_ONCE = 4
_Work = Callable[[str], None]


class Jobs:
    """
    Runs jobs as they fall due, a few at once, in threads that do not keep the process alive.

    :param delay: seconds that every job waits before it begins.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self._waiting: list[tuple[float, int, _Work, str]] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._workers = 0
        self._is_stopping = False

    def start(self, work: _Work, reference: str) -> None:
        """Do ``work`` for the object with that reference number."""
        with self._changed:
            due = time.monotonic() + self.delay
            heapq.heappush(self._waiting, (due, next(self._numbers), work, reference))
            self._changed.notify()
            if self._workers < _AT_ONCE:
                self._workers += 1
                threading.Thread(target=self._run, name=f"jobs {self._workers}", daemon=True).start()

    def stop(self) -> None:
        """Let no further job begin."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def _run(self) -> None:
        while job := self._take():
            work, reference = job
            try:
                work(reference)
            except Exception:
                if not self._is_stopping:
                    log.exception("%s %s failed", work.__name__, reference)

    def _take(self) -> tuple[_Work, str] | None:
        """Wait for the next job that is due; None once no further one shall begin."""
        with self._changed:
            while not self._is_stopping:
                remaining = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if remaining is not None and remaining <= 0:
                    _, _, work, reference = heapq.heappop(self._waiting)
                    self._changed.notify()  # somebody else waits for the one after it
                    return work, reference
                self._changed.wait(remaining)
        return None
