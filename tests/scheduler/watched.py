"""An emulator of which is seen what it really holds, since its state is read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulator_process import NIP, EmulatorProcess, start_emulator
from tests.scheduler.whole_airflow import WholeAirflow


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

    def permissions(self) -> set[tuple[str, str, bool]]:
        """Give who has which permission, and whether it may be passed on."""
        found = self._rows("SELECT authorized, permission, can_delegate FROM permission_grants")
        return {(authorized, permission, bool(delegable)) for authorized, permission, delegable in found}

    def active_tokens(self, description: str) -> list[str]:
        """Give the reference of each token that lets in."""
        query = "SELECT reference FROM tokens WHERE status = 'Active' AND description = ?"
        return [row[0] for row in self._rows(query, description)]

    def active_certificates(self, name: str) -> list[str]:
        """Give the serial number of each certificate that was not revoked."""
        query = "SELECT serial FROM ksef_certificates WHERE revoked IS NULL AND name = ?"
        return [row[0] for row in self._rows(query, name)]

    def _rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(query, parameters).fetchall()


@dataclass
class WatchedEmulators:
    """
    Starts emulators and makes connections that lead to them.

    :param states: gets the state of each.
    :param folder: for their states.
    """

    airflow: WholeAirflow
    states: list[Path]
    folder: Path
    started: list[WatchedEmulator] = field(default_factory=list)

    def __call__(self, *options: str, nip: str = NIP) -> WatchedEmulator:
        """Start one with options of its own."""
        conn_id = f"ksef_{len(self.states)}"
        self.states.append(self.folder / f"{conn_id}.sqlite")
        process = start_emulator("--state", str(self.states[-1]), *options, nip=nip, token=token_of(nip))
        self.started.append(WatchedEmulator(conn_id, process, self.states[-1]))
        self.airflow.connect(**{conn_id: process.connection(login=nip, password=token_of(nip))})
        return self.started[-1]

    def stop(self) -> None:
        """End them all."""
        for emulator in self.started:
            emulator.process.stop()


def token_of(nip: str) -> str:
    """Give a company's KSeF token."""
    return f"20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-{nip}|" + f"{nip}fedcba" * 4
