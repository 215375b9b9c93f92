"""KSeF's rate limits: three sliding windows per group of endpoints, context and address."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil

from airflow_provider_ksef.emulator.rate_limit_groups import (
    PRODUCTION,
    UNLIMITED,
    WINDOWS,
    Limits,
    group_of,
)
from airflow_provider_ksef.emulator.store.own_limits import OwnLimits

_MOST_PENALTY = 60
_UNAWARE = 1


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
    :param blocked_until: the end of the penalty for not waiting.
    :param warned: when he was told to wait, for the first time or by a longer penalty.
    :param violations: how often he did not.
    """

    passed: list[float] = field(default_factory=list)
    exceeded: tuple[int, str] = (0, "")
    blocked_until: float = 0.0
    warned: float | None = None
    violations: int = 0

    def take(self, limits: Limits, now: float) -> Exceeded | None:
        free = self._free_by_windows(limits, now)
        if max(free, self.blocked_until) <= now:
            self.warned, self.violations = None, 0
            self.passed.append(now)
            return None
        if self.warned is None:
            self.warned = now
        elif now - self.warned >= _UNAWARE:  # else it may have been sent before the refusal was read
            self.warned = now
            self.violations += 1
            self.blocked_until = max(free, now) + min(2**self.violations - 1, _MOST_PENALTY)
        return Exceeded(*self.exceeded, retry_after=ceil(max(free, self.blocked_until) - now))

    def _free_by_windows(self, limits: Limits, now: float) -> float:
        """When the windows have room again."""
        del self.passed[: bisect_right(self.passed, now - WINDOWS[-1][1])]
        free = now
        for (_, seconds, unit), limit in zip(WINDOWS, limits, strict=True):
            recent = len(self.passed) - bisect_right(self.passed, now - seconds)
            if limit != UNLIMITED and recent >= limit:
                free = max(free, self.passed[-limit] + seconds)
                self.exceeded = (limit, unit)
        return free


class RateLimits:
    """
    Counts requests against the limits. Who goes on although he was refused waits longer each time.

    :param own: the limits that contexts were given; those are enforced in any case.
    :param is_enforced: whether anything is refused by the limits of production.
    """

    def __init__(self, own: OwnLimits, *, is_enforced: bool) -> None:
        self.is_enforced = is_enforced
        self.own = own
        self._lock = threading.Lock()
        self._counters: defaultdict[tuple[str, str], _Counter] = defaultdict(_Counter)

    def clear(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counters.clear()

    def are_enforced(self, context: str) -> bool:
        """Whether anything is refused in a context."""
        return self.is_enforced or self.own.get(context) is not None

    def to_json(self, context: str) -> dict[str, dict[str, int]]:
        """The answer of ``GET /rate-limits`` in a context."""
        names = [name for name, _, _ in WINDOWS]
        limits = {**PRODUCTION, **(self.own.get(context) or {})}
        return {group: dict(zip(names, each, strict=True)) for group, each in limits.items()}

    def take(self, endpoint: str, context: str, address: str, now: float) -> Exceeded | None:
        """
        Count a request, or refuse it.

        :param endpoint: method and path template, e.g. ``POST /invoices/exports``.
        :param context: of the token; empty without one.
        :param now: seconds.
        """
        own = self.own.get(context)
        if not self.are_enforced(context):
            return None
        group = group_of(endpoint)
        name = endpoint if group == "other" else group
        caller = address if group == "anonymous" else f"{context}@{address}"
        limits = (own or {}).get(group) or PRODUCTION[group]
        with self._lock:
            return self._counters[name, caller].take(limits, now)
