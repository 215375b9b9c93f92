"""What the emulator was asked, counted by endpoint."""

from __future__ import annotations

import threading
from collections import Counter


class Stats:
    """Counts requests since the last reset."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._rejected = 0

    def count(self, endpoint: str) -> None:
        """Count a request to an endpoint, e.g. ``POST /invoices/exports``."""
        with self._lock:
            self._requests[endpoint] += 1

    def count_rejected(self) -> None:
        """Count a request that was answered by 429."""
        with self._lock:
            self._rejected += 1

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._requests.clear()
            self._rejected = 0

    def to_json(self) -> dict[str, object]:
        """The answer of ``GET /_emulator/stats``."""
        with self._lock:
            return {"requests": dict(sorted(self._requests.items())), "rejected429": self._rejected}
