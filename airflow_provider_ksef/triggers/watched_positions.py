"""How far a watcher has looked: kept in the state store of the asset that it watches."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

import tenacity

from airflow_provider_ksef._compat import AirflowRuntimeError, AssetState
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.tables.layout import context_name
from airflow_provider_ksef.tables.moments import earlier, format_ticks, from_datetime, is_after, parse_ticks
from airflow_provider_ksef.tables.windows import Window, next_window

log = logging.getLogger(__name__)
KEEPING_SECONDS = 10.0
"""From one try to keep a position to the next, where Airflow's API is away."""


@dataclass
class WatchedPositions:
    """
    The position of each subject type of one company, and when KSeF may be asked next.

    :param state: where it is kept.
    :param key: names the environment and the company in it, so that another connection begins anew.
    :param beginning: the position of a subject type that was never looked for.
    :param positions: up to where each subject type's invoices are told; KSeF's own date strings.
    :param due: when the next look may begin, in seconds since the epoch.
    """

    state: AssetState
    key: str
    beginning: str
    positions: dict[str, str]
    due: float
    _moved: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def read(cls, state: AssetState, settings: Settings, since: str | None) -> Self:
        """
        Read what an earlier start has kept.

        :param state: where it is kept.
        :param settings: whose positions they are.
        :param since: the beginning; None for now.
        """
        context = context_name(settings.context.type, settings.context.value)
        key = f"ksef_new_invoices/{settings.environment.name}/{context}"
        kept: dict[str, Any] = await state.aget(key) or {}
        beginning = kept.get("beginning") or since or from_datetime(datetime.now(UTC))
        return cls(state, key, beginning, dict(kept.get("positions", {})), kept.get("due", 0.0))

    @property
    def seconds_left(self) -> float:
        """Seconds until the next look may begin."""
        return max(0.0, self.due - time.time())

    def of(self, subject_type: str) -> str:
        """Give a subject type's position."""
        return self.positions.get(subject_type, self.beginning)

    def move(self, subject_type: str, position: str) -> None:
        """Move a subject type's position, once the look has ended."""
        self._moved[subject_type] = position

    def hold(self, seconds: float) -> None:
        """Let no look begin for some seconds."""
        self.due = max(self.due, time.time() + seconds)

    async def begin_look(self, interval: float) -> None:
        """Keep when the next look may begin, before this one: who dies in it asks KSeF no sooner again."""
        self.due = time.time() + interval
        await self._write()

    async def end_look(self) -> None:
        """Keep the positions that have moved: whoever looked again before would tell the same twice."""
        self.positions.update(self._moved)
        keeping = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(AirflowRuntimeError),
            wait=tenacity.wait_fixed(KEEPING_SECONDS),
            before_sleep=_tell,
        )
        await keeping(self._write)

    async def _write(self) -> None:
        kept = {"beginning": self.beginning, "positions": self.positions, "due": self.due}
        await self.state.aset(self.key, kept)


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("The position cannot be kept, trying again in %.0f s: %s", KEEPING_SECONDS, error)


def window_after(position: str) -> Window:
    """
    Give what is to be asked for next: what was stored after a position, as far as one question may reach.

    KSeF's bounds are inclusive, so the window starts a tick of 100 ns later, and holds nothing twice.

    :param position: KSeF's own date string.
    """
    return next_window(format_ticks(parse_ticks(position) + 1), datetime.now(UTC))


def page_position(position: str, window: Window, hwm: str | None) -> str:
    """
    Give the position after a look, which lies never before the last one.

    :param position: before it.
    :param window: what was asked for.
    :param hwm: KSeF's high-water mark; without one nothing is known to be complete.
    """
    if hwm is None:
        return position
    reached = hwm if window.end is None else earlier(hwm, window.end)
    return reached if is_after(reached, position) else position
