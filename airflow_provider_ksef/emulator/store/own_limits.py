"""The rate limits that contexts were given by KSeF's endpoints for tests."""

from __future__ import annotations

import msgspec

from airflow_provider_ksef.emulator.rate_limit_groups import Limits
from airflow_provider_ksef.emulator.store.database import Database


class OwnLimits:
    """
    Limits by context and group.

    :param database: keeps them; every request asks for its limits, so they are held in memory too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reload()

    def reload(self) -> None:
        """Read them from the database again."""
        rows = self._database.rows("SELECT context, limits FROM own_limits")
        self._limits = {
            context: msgspec.json.decode(limits, type=dict[str, Limits]) for context, limits in rows
        }

    def get(self, context: str) -> dict[str, Limits] | None:
        """The limits of a context by group, where it was given any."""
        return self._limits.get(context)

    def give(self, context: str, limits: dict[str, Limits]) -> None:
        """Let these limits be the context's own."""
        self._database.execute(
            "INSERT OR REPLACE INTO own_limits VALUES (?, ?)", (context, msgspec.json.encode(limits))
        )
        self._limits[context] = limits

    def take_away(self, context: str) -> None:
        """Let a context be as all others."""
        self._database.execute("DELETE FROM own_limits WHERE context = ?", (context,))
        self._limits.pop(context, None)
