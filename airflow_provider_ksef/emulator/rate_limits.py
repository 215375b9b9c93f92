"""KSeF's rate limits: three sliding windows per group of endpoints, context and address."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil

UNLIMITED = -1
_MOST_PENALTY = 60
WINDOWS = (("perSecond", 1, "sekundę"), ("perMinute", 60, "minutę"), ("perHour", 3600, "godzinę"))

PRODUCTION: dict[str, tuple[int, int, int]] = {
    "onlineSession": (10, 30, 120),
    "onlineSessionClose": (20, 60, 240),
    "batchSession": (10, 20, 60),
    "batchSessionClose": (20, 40, 120),
    "invoiceSend": (10, 30, 180),
    "invoiceStatus": (30, 120, 1200),
    "sessionList": (5, 10, 60),
    "sessionInvoiceList": (10, 20, 200),
    "sessionMisc": (10, 120, 1200),
    "invoiceMetadata": (8, 16, 20),
    "invoiceExport": (8, 16, 20),
    "invoiceExportStatus": (10, 60, 600),
    "invoiceDownload": (8, 16, 64),
    "collectiveIdentifier": (10, 60, 120),
    "other": (10, 30, 120),
    "anonymous": (60, UNLIMITED, UNLIMITED),
    "global": (UNLIMITED, UNLIMITED, UNLIMITED),
}

GROUPS = {
    "POST /sessions/online": "onlineSession",
    "POST /sessions/online/{referenceNumber}/close": "onlineSessionClose",
    "POST /sessions/batch": "batchSession",
    "POST /sessions/batch/{referenceNumber}/close": "batchSessionClose",
    "POST /sessions/online/{referenceNumber}/invoices": "invoiceSend",
    "GET /sessions/{referenceNumber}/invoices/{invoiceReferenceNumber}": "invoiceStatus",
    "GET /sessions": "sessionList",
    "GET /sessions/{referenceNumber}/invoices": "sessionInvoiceList",
    "GET /sessions/{referenceNumber}/invoices/failed": "sessionInvoiceList",
    "POST /invoices/query/metadata": "invoiceMetadata",
    "POST /invoices/exports": "invoiceExport",
    "GET /invoices/exports/{referenceNumber}": "invoiceExportStatus",
    "GET /invoices/ksef/{ksefNumber}": "invoiceDownload",
}


@dataclass(frozen=True)
class Exceeded:
    """A limit that a request exceeds."""

    limit: int
    unit: str
    retry_after: int

    @property
    def sentence(self) -> str:
        exceeded = f"Przekroczono limit {self.limit} żądań na {self.unit}."
        return f"{exceeded} Spróbuj ponownie po {self.retry_after} sekundach."


@dataclass
class _Counter:
    """
    The requests of one caller to one group.

    :param passed: when each was let through, in order.
    :param exceeded: the limit that was hit last.
    """

    passed: list[float] = field(default_factory=list)
    blocked_until: float = 0.0
    violations: int = 0
    exceeded: tuple[int, str] = (0, "")

    def take(self, limits: tuple[int, int, int], now: float) -> Exceeded | None:
        del self.passed[: bisect_right(self.passed, now - WINDOWS[-1][1])]
        free = self.blocked_until
        for (_, seconds, unit), limit in zip(WINDOWS, limits, strict=True):
            recent = len(self.passed) - bisect_right(self.passed, now - seconds)
            if limit != UNLIMITED and recent >= limit:
                free = max(free, self.passed[-limit] + seconds)
                self.exceeded = (limit, unit)
        if free <= now:
            self.violations = 0
            self.passed.append(now)
            return None
        self.blocked_until = free + min(2**self.violations - 1, _MOST_PENALTY)
        self.violations += 1
        return Exceeded(*self.exceeded, retry_after=ceil(self.blocked_until - now))


class RateLimits:
    """
    Counts requests against the limits. Who goes on although he was refused waits longer each time.

    :param is_enforced: whether anything is ever refused.
    """

    def __init__(self, *, is_enforced: bool) -> None:
        self._is_enforced = is_enforced
        self._lock = threading.Lock()
        self._counters: defaultdict[tuple[str, str], _Counter] = defaultdict(_Counter)

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counters.clear()

    def to_json(self) -> dict[str, dict[str, int]]:
        """The answer of ``GET /rate-limits``."""
        names = [name for name, _, _ in WINDOWS]
        return {group: dict(zip(names, limits, strict=True)) for group, limits in PRODUCTION.items()}

    def take(self, endpoint: str, context: str, address: str, now: float) -> Exceeded | None:
        """
        Count a request, or refuse it.

        :param endpoint: method and path template, e.g. ``POST /invoices/exports``.
        :param now: seconds.
        """
        if not self._is_enforced:
            return None
        group = _group_of(endpoint)
        name = endpoint if group == "other" else group
        caller = address if group == "anonymous" else f"{context}@{address}"
        with self._lock:
            return self._counters[name, caller].take(PRODUCTION[group], now)


def _group_of(endpoint: str) -> str:
    if endpoint in GROUPS:
        return GROUPS[endpoint]
    if endpoint.startswith("GET /sessions/"):
        return "sessionMisc"
    if endpoint.startswith(("POST /auth/", "GET /auth/{", "GET /security/")):
        return "anonymous"
    return "other"
