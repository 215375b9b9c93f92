"""An emulator of which is seen what it really holds, since its state is read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulator_process import EmulatorProcess


@dataclass(frozen=True)
class WatchedEmulator:
    """
    An emulator and its state.

    :param conn_id: the Airflow connection that leads to it.
    :param process: the emulator.
    :param state: its SQLite file.
    """

    conn_id: str
    process: EmulatorProcess
    state: Path

    def exports(self) -> list[str]:
        """Give the reference of each export that was begun, the oldest first."""
        return [row[0] for row in self._rows("SELECT reference FROM exports ORDER BY created, rowid")]

    def sessions(self) -> list[tuple[str, bool]]:
        """Give the reference of each session that was opened, and whether it was closed."""
        return self._rows("SELECT reference, closed IS NOT NULL FROM sessions ORDER BY created")

    def logins(self) -> int:
        """How many login sessions have not been ended."""
        return int(self._rows("SELECT count(*) FROM logins WHERE code = 200 AND is_redeemed")[0][0])

    def arrivals(self) -> Counter[str]:
        """How often each document has arrived in a session that was closed, by its hash."""
        return Counter(row[0] for row in self._rows("SELECT hash FROM session_invoices"))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(query).fetchall()


def token_of(nip: str) -> str:
    """Give a company's KSeF token."""
    return f"20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-{nip}|" + f"{nip}fedcba" * 4
