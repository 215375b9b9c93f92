"""Work that goes on after its request was answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

_AT_ONCE = 4


class Jobs:
    """
    Runs each job in a thread that does not keep the process alive.

    :param delay: seconds that every job waits before it begins.
    """

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self._stopping = threading.Event()
        self._slots = threading.BoundedSemaphore(_AT_ONCE)

    def start(self, work: Callable[[str], None], reference: str) -> None:
        """Do ``work`` for the object with that reference number."""
        name = f"{work.__name__} {reference}"
        threading.Thread(target=self._run, args=(work, reference), name=name, daemon=True).start()

    def stop(self) -> None:
        """Let no further job begin."""
        self._stopping.set()

    def _run(self, work: Callable[[str], None], reference: str) -> None:
        if self._stopping.wait(self.delay):
            return
        with self._slots:
            try:
                work(reference)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("%s %s failed", work.__name__, reference)
