"""The high-water mark, and the permanent storage dates that never fall behind it."""

from __future__ import annotations

from airflow_provider_ksef.emulator.clock import Clock
from airflow_provider_ksef.emulator.moments import TICKS_PER_MICROSECOND, TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.database import Database

_LATENCY = 20 * 1000 * TICKS_PER_MICROSECOND
_LONGEST_DELAY = 60 * TICKS_PER_SECOND


class HighWaterMark:
    """
    The moment up to which no invoice will ever be stored any more.

    It lags behind the clock and never goes back. New invoices get dates after it, so that no group of equal
    dates is ever cut by it. Between it and the present nothing is complete.

    :param lag: seconds behind the clock.
    """

    def __init__(self, database: Database, clock: Clock, lag: float) -> None:
        self._database = database
        self._clock = clock
        self.lag = lag
        self.reload()

    def reload(self) -> None:
        """Take what was promised from the database again."""
        self.served = self._database.get_number("hwm_served")
        self._current = self.served
        self._last_stored = self._database.get_number("last_stored")

    def current(self) -> int:
        """The mark now, in ticks."""
        with self._database.transaction():
            self._current = max(self._current, self._clock.now() - round(self.lag * TICKS_PER_SECOND))
            return self._current

    def promise(self, mark: int) -> None:
        """Remember that a client was told this mark: nothing may be stored at or below it any more."""
        with self._database.transaction():
            if mark > self.served:
                self.served = mark
                self._database.set_number("hwm_served", mark)

    def next_dates(self, count: int, *, after: int = 0) -> list[int]:
        """
        Give permanent storage dates to invoices that are accepted now, a microsecond apart.

        :param after: when they were numbered; storing takes a little longer.
        """
        with self._database.transaction():
            earliest = max(self.current(), self._clock.now(), after + _LATENCY, self._last_stored)
            first = earliest // TICKS_PER_MICROSECOND + 1
            return self._note_dates([first + index for index in range(count)])

    def recent_dates(self, count: int) -> list[int]:
        """
        Give permanent storage dates to invoices that become visible now, but were stored since the mark.

        They are spread over that time, at most a minute: some lie before invoices that are visible already.
        """
        with self._database.transaction():
            now = self._clock.now()
            first = max(self.current(), now - _LONGEST_DELAY) // TICKS_PER_MICROSECOND + 1
            room = now // TICKS_PER_MICROSECOND - first
            if room < count:
                return self.next_dates(count)
            return self._note_dates([first + room * (2 * index + 1) // (2 * count) for index in range(count)])

    def _note_dates(self, microseconds: list[int]) -> list[int]:
        dates = [each * TICKS_PER_MICROSECOND for each in microseconds]
        if dates and dates[-1] > self._last_stored:
            self._last_stored = dates[-1]
            self._database.set_number("last_stored", self._last_stored)
        return dates
