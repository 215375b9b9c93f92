"""What a client has used: calls, waiting and bytes, for logs and metrics."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Usage:
    """
    Counts of one client, its file transfers included. Several threads may count at a time.

    :param calls: requests by KSeF's group of endpoints, repetitions included; uploads and downloads, which
        KSeF does not count, stand under ``storage``.
    :param rejected: answers with HTTP 429.
    :param seconds_waited: for turns that KSeF's rate limits allow.
    :param bytes_sent: bodies of requests.
    :param bytes_received: bodies of answers, compressed as they came.
    """

    calls: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    seconds_waited: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count_call(self, group: str, size: int) -> None:
        """
        Count a request.

        :param group: KSeF's group of endpoints, or ``storage``.
        :param size: bytes of its body.
        """
        with self._lock:
            self.calls[group] += 1
            self.bytes_sent += size

    def count_answer(self, status: int) -> None:
        """
        Count an answer.

        :param status: HTTP status.
        """
        with self._lock:
            self.rejected += status == 429

    def count_received(self, size: int) -> None:
        """
        Count a block of an answer.

        :param size: its bytes.
        """
        with self._lock:
            self.bytes_received += size

    def count_wait(self, seconds: float) -> None:
        """
        Count a wait for a turn.

        :param seconds: how long it was.
        """
        with self._lock:
            self.seconds_waited += seconds
