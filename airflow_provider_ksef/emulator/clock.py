"""The emulator's clock, which may be put forward."""

from __future__ import annotations

import time

from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.database import Database


class Clock:
    """
    Real time plus what it was put forward by, which the state remembers.

    :param database: holds the offset.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offset = database.get_number("clock_offset")

    def now(self) -> int:
        """The present in ticks."""
        return time.time_ns() // 100 + self._offset

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self._offset += round(seconds * TICKS_PER_SECOND)
        self._database.set_number("clock_offset", self._offset)

    def reload(self) -> None:
        """Take the offset from the database again."""
        self._offset = self._database.get_number("clock_offset")
