"""One budget for all tasks of a host: each request takes its turn, so that KSeF need not refuse one."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from airflow_provider_ksef.client.limits import PRODUCTION_RATE_LIMITS, RateLimit, RateLimits
from airflow_provider_ksef.client.rate_limit_groups import ANONYMOUS, opening_group
from airflow_provider_ksef.client.settings import Settings
from airflow_provider_ksef.client.turn_log import (
    HOUR,
    SECOND,
    TurnLog,
    Window,
    take,
    used,
    wait_of,
    windows_of,
)
from airflow_provider_ksef.client.turn_store import Change, Record, StoreError, TurnStore

log = logging.getLogger(__name__)
T = TypeVar("T")

GLOBAL = "global"
LIMITS_AGE = HOUR
"""How long KSeF's word on its limits is believed."""
_READING = 10 * SECOND
"""How long one process is given to read the limits; where nothing is known yet, the others wait for it."""
_WHILE_READING = SECOND // 20
_LOOK_AGAIN = 60.0
"""Seconds between two looks whether the limits are to be read, and after a failure of the store."""
_READING_REASON = "another task asks KSeF for its limits"
_NOT_WAITING = (ANONYMOUS, "GET /rate-limits")
_UNLIMITED = RateLimit(None, None, None)
_defaults = PRODUCTION_RATE_LIMITS.by_group()


class KnownLimits(msgspec.Struct):
    """
    What KSeF said of a context's limits.

    :param groups: by KSeF's name of the group.
    :param are_enforced: whether it refuses anybody; an emulator may let all through.
    :param read_at: when it said so.
    :param reading_until: somebody is asking until then.
    """

    groups: dict[str, RateLimit] = {}
    are_enforced: bool = True
    read_at: int = 0
    reading_until: int = 0


@dataclass(frozen=True)
class Turn:
    """
    The right to send one request now.

    :param name: of its own.
    :param keys: of the counters it counts in.
    :param used: requests of the last hour in its group, this one included.
    :param limit: of an hour; None without one.
    """

    name: str
    keys: tuple[str, ...]
    used: int = 0
    limit: int | None = None


@dataclass(frozen=True)
class Wait:
    """
    No request may be sent for a while.

    :param seconds: until it is worth while to ask again.
    :param until: the same as a moment, in seconds since the epoch.
    :param reason: what uses the budget up.
    """

    seconds: float
    until: float
    reason: str


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
        keys = list(groups)
        name = uuid.uuid4().hex[:12]

        def change(records: Mapping[str, Record], now: int) -> tuple[Turn | Wait, Mapping[str, bytes]]:
            known = self._known_in(records)
            if known.read_at and not known.are_enforced:
                return Turn(name, ()), {}
            if _is_being_read(known, now) and counter not in _NOT_WAITING:
                return _while_reading(now), {}
            windows = {key: windows_of(_limit_of(self._groups, groups[key])) for key in keys}
            logs = {key: _decoded(records[key], TurnLog) for key in keys}
            wait = take(logs, windows, name, now)
            if wait:
                return _waiting(logs, windows, wait, now), {}
            hour = next((window for window in windows[keys[0]] if window.length == HOUR), None)
            count = used(logs[keys[0]], hour, now) if hour else 0
            turn = Turn(name, tuple(keys), count, hour.limit if hour else None)
            return turn, {key: msgspec.json.encode(each) for key, each in logs.items()}

        return self._update([*keys, self._limits_key], change)

    def land(self, turn: Turn) -> None:
        """Count a turn from now on, since KSeF has answered it or never will."""
        if not turn.keys:
            return

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            logs = {key: _decoded(records[key], TurnLog) for key in turn.keys}
            for each in logs.values():
                each.land(turn.name, now)
            return None, {key: msgspec.json.encode(each) for key, each in logs.items()}

        self._update(list(turn.keys), change)

    def block(self, group: str, counter: str, seconds: float) -> None:
        """
        Let nobody through for a while: KSeF has refused a request, so its limits are others than we thought.

        :param seconds: that KSeF asks to wait.
        """
        key = next(iter(self._counted(group, counter)))
        self._look_at_limits = 0.0

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            turns, known = _decoded(records[key], TurnLog), self._known_in(records)
            turns.block(now + int(seconds * SECOND))
            known.read_at = 0
            return None, {key: msgspec.json.encode(turns), self._limits_key: msgspec.json.encode(known)}

        self._update([key, self._limits_key], change)

    def must_read_limits(self) -> bool:
        """Whether KSeF is to be asked for its limits, by us and nobody else."""
        if time.monotonic() < self._look_at_limits:
            return False
        self._look_at_limits = time.monotonic() + _LOOK_AGAIN

        def change(records: Mapping[str, Record], now: int) -> tuple[bool, Mapping[str, bytes]]:
            known = self._known_in(records)
            if now < known.read_at + LIMITS_AGE or now < known.reading_until:
                return False, {}
            known.reading_until = now + _READING
            return True, {self._limits_key: msgspec.json.encode(known)}

        return bool(self._update([self._limits_key], change))

    def learn(self, limits: RateLimits) -> None:
        """
        Believe what KSeF says of its limits.

        :param limits: the answer to ``GET /rate-limits``.
        """

        def change(records: Mapping[str, Record], now: int) -> tuple[None, Mapping[str, bytes]]:
            del records
            known = KnownLimits(groups=limits.by_group(), are_enforced=limits.are_enforced, read_at=now)
            return None, {self._limits_key: msgspec.json.encode(known)}

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
            turns = _decoded(records[key], TurnLog)
            windows = windows_of(_limit_of(self._groups, group))
            return {each.name: max(0, each.limit - used(turns, each, now)) for each in windows}, {}

        return self._update([key, self._limits_key], change)

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
        known = _decoded(records[self._limits_key], KnownLimits)
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
    return not known.read_at and now < known.reading_until


def _decoded(record: Record, kind: type[T]) -> T:
    """Read a record; one that cannot be read, such as an older version's, counts as none."""
    try:
        return kind() if record is None else msgspec.json.decode(record, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return kind()


def _while_reading(now: int) -> Wait:
    return Wait(_WHILE_READING / SECOND, (now + _WHILE_READING) / SECOND, _READING_REASON)


def _waiting(logs: Mapping[str, TurnLog], windows: Mapping[str, list[Window]], wait: int, now: int) -> Wait:
    reasons = (_reason(each, windows[key], now) for key, each in logs.items())
    return Wait(wait / SECOND, (now + wait) / SECOND, next(filter(None, reasons), ""))


def _reason(turns: TurnLog, windows: list[Window], now: int) -> str:
    """Say what leaves no room, the longest window first."""
    for window in reversed(windows):
        if wait_of(turns, [window], now) > max(0, turns.blocked_until - now):
            return f"{used(turns, window, now)} of {window.limit} calls of the last {window.name} are used"
    return "KSeF has asked to wait" if turns.blocked_until > now else ""
