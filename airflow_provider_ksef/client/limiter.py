"""One budget for all tasks of a host: each request takes its turn, so that KSeF need not refuse one."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from airflow_provider_ksef.client.limits import PRODUCTION_RATE_LIMITS, RateLimit, RateLimits
from airflow_provider_ksef.client.rate_limit_groups import ANONYMOUS, opening_group
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.client.turn_log import HOUR, SECOND, TurnLog, promise, take, used, windows_of
from airflow_provider_ksef.client.turn_memory import TurnMemory
from airflow_provider_ksef.client.turn_records import decoded, encoded
from airflow_provider_ksef.client.turn_store import Change, Record, StoreError, TurnStore
from airflow_provider_ksef.client.turns import Turn, Wait, pause, wait_for

log = logging.getLogger(__name__)
T = TypeVar("T")

GLOBAL = "global"
LIMITS_AGE = HOUR
"""How long KSeF's word on its limits is believed."""
_READING = 10 * SECOND
"""How long one process is given to read the limits; where nothing is known yet, the others wait for it."""
_WHILE_READING = SECOND // 20
_WHILE_ADDING = SECOND
"""How long who finds the count lost lets others add to it what they know: KSeF's shortest window."""
_LOOK_AGAIN = 60.0
"""Seconds between two looks whether the limits are to be read, and after a failure of the store."""
_READING_REASON = "another task asks KSeF for its limits"
_ADDING_REASON = "the count of calls was lost and is put together again"
_NOT_WAITING = (ANONYMOUS, "GET /rate-limits")
_UNLIMITED = RateLimit(None, None, None)
_defaults = PRODUCTION_RATE_LIMITS.by_group()


class KnownLimits(msgspec.Struct):
    """
    What KSeF said of a context's limits.

    :param groups: by KSeF's name of the group.
    :param read_at: when it said so.
    :param reading_until: somebody is asking until then.
    """

    groups: dict[str, RateLimit] = {}
    read_at: int = 0
    reading_until: int = 0


class RateLimiter:
    """
    The turns of one context.

    Where its store fails it says so in the log and lets requests through for a minute: KSeF then limits them.

    :param store: shared with all processes that call KSeF from this address.
    :param settings: KSeF counts by environment and context.
    """

    def __init__(self, store: TurnStore, settings: Settings) -> None:
        self._store = store
        self._address = settings.environment.base_url
        self._context = f"{settings.context.type}:{settings.context.value}"
        self._groups: Mapping[str, RateLimit] = _defaults
        self._memory = TurnMemory()
        self._look_at_limits = 0.0
        self._store_failed = float("-inf")

    def take(self, group: str, counter: str) -> Turn | Wait | None:
        """
        Take a turn.

        :param group: KSeF's group of the request.
        :param counter: of the group, see :func:`~.rate_limit_groups.counter_of`.
        :returns: the turn, or how long to wait; None where the store fails and nothing is foreseen.
        """
        groups = self._counted(group, counter)

        def change(
            records: Mapping[str, Record], now: int
        ) -> tuple[tuple[Turn | Wait, Mapping[str, Record]], Mapping[str, bytes]]:
            taken, changed = self._taken(groups, counter, records, now)
            return (taken, {**records, **changed}), changed

        updated = self._update([*groups, self._limits_key], change)
        if updated is None:
            return None
        taken, records = updated
        self._memory.keep({key: records[key] for key in groups})
        return taken

    def _taken(
        self, groups: Mapping[str, str], counter: str, records: Mapping[str, Record], now: int
    ) -> tuple[Turn | Wait, Mapping[str, bytes]]:
        name = uuid.uuid4().hex[:12]
        known = self._known_in(records)
        if _is_being_read(known, now) and counter not in _NOT_WAITING:
            return pause(_WHILE_READING, now, _READING_REASON), {}
        windows = {key: windows_of(_limit_of(self._groups, each)) for key, each in groups.items()}
        logs = {key: decoded(records[key], TurnLog) for key in groups}
        if not any(windows.values()) and not any(each.blocked_for(now) for each in logs.values()):
            return Turn(name, ()), {}
        if self._memory.restore(logs, now):
            self._look_at_limits = 0.0
            return pause(_WHILE_ADDING, now, _ADDING_REASON), encoded(logs)
        wait = take(logs, windows, name, now)
        if wait:
            return wait_for(logs, windows, wait, now), {}
        own = next(iter(groups))
        hour = next((window for window in windows[own] if window.length == HOUR), None)
        count = used(logs[own], hour, now) if hour else 0
        return Turn(name, tuple(groups), count, hour.limit if hour else None), encoded(logs)

    def line_up(self, group: str, counter: str, waiter: str) -> Wait | None:
        """
        Tell one who does not wait in place when to come back, each at another moment where the budget allows
        no two at once.

        :param waiter: its name, so that it stands in the line but once.
        :returns: None where the store fails.
        """
        groups = self._counted(group, counter)

        def change(records: Mapping[str, Record], now: int) -> tuple[Wait, Mapping[str, bytes]]:
            self._known_in(records)
            windows = {key: windows_of(_limit_of(self._groups, each)) for key, each in groups.items()}
            logs = {key: decoded(records[key], TurnLog) for key in groups}
            own = next(iter(groups))
            wait = promise(logs, windows, own, waiter, now)
            return wait_for(logs, windows, wait, now), encoded({own: logs[own]})

        return self._update([*groups, self._limits_key], change)

    def land(self, turn: Turn) -> None:
        """Count a turn from now on, since KSeF has answered it or never will."""
        if not turn.keys:
            return

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            logs = {key: decoded(records[key], TurnLog) for key in turn.keys}
            for each in logs.values():
                each.land(turn.name, now)
            return None, encoded(logs)

        self._update(list(turn.keys), change)

    def block(self, group: str, counter: str, seconds: float) -> None:
        """
        Let nobody through for a while: KSeF has refused a request, so its limits are others than we thought.

        :param seconds: that KSeF asks to wait.
        """
        key = next(iter(self._counted(group, counter)))
        self._look_at_limits = 0.0

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            turns, known = decoded(records[key], TurnLog), self._known_in(records)
            turns.block(now + int(seconds * SECOND))
            known.read_at = 0
            return None, encoded({key: turns, self._limits_key: known})

        self._update([key, self._limits_key], change)

    def must_read_limits(self) -> bool:
        """Whether KSeF is to be asked for its limits, by us and nobody else."""
        if time.monotonic() < self._look_at_limits:
            return False
        self._look_at_limits = time.monotonic() + _LOOK_AGAIN

        def change(records: Mapping[str, Record], now: int) -> tuple[bool, Mapping[str, bytes]]:
            known = self._known_in(records)
            is_fresh = known.read_at <= now < known.read_at + LIMITS_AGE
            if is_fresh or now < known.reading_until <= now + _READING:
                return False, {}
            known.reading_until = now + _READING
            return True, encoded({self._limits_key: known})

        return bool(self._update([self._limits_key], change))

    def learn(self, limits: RateLimits) -> None:
        """
        Believe what KSeF says of its limits.

        :param limits: the answer to ``GET /rate-limits``.
        """

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            del records
            groups = limits.by_group()
            if not limits.are_enforced:
                groups = dict.fromkeys(groups, RateLimit(None, None, None))
            known = KnownLimits(groups=groups, read_at=now)
            return None, encoded({self._limits_key: known})

        self._update([self._limits_key], change)

    def left(self, group: str) -> dict[str, int] | None:
        """
        Tell how many requests of a group are left, by window: ``{"second": 8, "minute": 14, "hour": 5}``.

        :param group: KSeF's name of it, such as ``invoiceExport``; not ``other``, which each endpoint has for
            itself.
        :returns: None where the store fails.
        """
        key = next(iter(self._counted(group, group)))

        def change(records: Mapping[str, Record], now: int) -> tuple[dict[str, int], Mapping[str, bytes]]:
            self._known_in(records)
            turns = decoded(records[key], TurnLog)
            windows = windows_of(_limit_of(self._groups, group))
            return {each.name: max(0, each.limit - used(turns, each, now)) for each in windows}, {}

        return self._update([key, self._limits_key], change)

    def known_limits(self) -> dict[str, RateLimit]:
        """Give the limits by KSeF's group: what KSeF told this host's tasks last, else production's."""

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            del now
            self._known_in(records)
            return None, {}

        self._update([self._limits_key], change)
        return {**_defaults, **self._groups}

    @property
    def _limits_key(self) -> str:
        return self._key(self._context, "limits")

    def _key(self, whose: str, what: str) -> str:
        return f"ksef-turns:{{{self._address}}}:{whose}:{what}"

    def _counted(self, group: str, counter: str) -> dict[str, str]:
        """Give the keys of the counters that a request counts in, with the groups that limit them."""
        if group not in self._groups and opening_group(group) != group:
            group = counter = opening_group(group)
        keys = {self._key("" if group == ANONYMOUS else self._context, counter): group}
        if windows_of(_limit_of(self._groups, GLOBAL)):
            keys[self._key("", GLOBAL)] = GLOBAL
        return keys

    def _known_in(self, records: Mapping[str, Record]) -> KnownLimits:
        known = decoded(records[self._limits_key], KnownLimits)
        if known.read_at or known.groups:  # else nobody has asked KSeF, or the store has lost its answer
            self._groups = known.groups or _defaults
        return known

    def _update(self, keys: list[str], change: Change[T]) -> T | None:
        if time.monotonic() < self._store_failed + _LOOK_AGAIN:
            return None
        try:
            return self._store.update(keys, change)
        except StoreError as error:
            self._store_failed = time.monotonic()
            log.warning(
                "The turns that this host's tasks take cannot be kept, so for %.0f s nobody looks whether "
                "KSeF's rate limits leave a call. %s",
                _LOOK_AGAIN,
                error,
            )
            return None


def _limit_of(groups: Mapping[str, RateLimit], group: str) -> RateLimit:
    return groups.get(group) or _defaults.get(group) or _UNLIMITED


def _is_being_read(known: KnownLimits, now: int) -> bool:
    return not known.read_at and now < known.reading_until <= now + _READING
