"""Who was given which permission in which context, and the contexts that nobody may enter."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database


class GrantStore:
    """Permissions by context and by who has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, context: Identity, authorized: Identity, permissions: Iterable[tuple[str, str]], moment: int
    ) -> None:
        """Give permissions, each with its description; one that is there already stays as it is."""
        self._database.execute_many(
            "INSERT OR IGNORE INTO grants VALUES (?, ?, ?, ?, ?)",
            [(str(context), str(authorized), name, text, moment) for name, text in permissions],
        )

    def held(self, context: Identity, authorized: Identity) -> list[str]:
        rows = self._database.rows(
            "SELECT permission FROM grants WHERE context = ? AND authorized = ? ORDER BY permission",
            (str(context), str(authorized)),
        )
        return [str(row[0]) for row in rows]

    def remove(self, context: Identity, authorized: Identity) -> None:
        """Take all permissions of one in one context away."""
        self._database.execute(
            "DELETE FROM grants WHERE context = ? AND authorized = ?", (str(context), str(authorized))
        )

    def remove_all(self, identity: Identity) -> None:
        """Take away all that one was given, and all that was given in its own context."""
        self._database.execute(
            "DELETE FROM grants WHERE context = ? OR authorized = ?", (str(identity), str(identity))
        )

    def block(self, context: Identity) -> None:
        self._database.execute("INSERT OR IGNORE INTO blocks VALUES (?)", (str(context),))

    def unblock(self, context: Identity) -> None:
        self._database.execute("DELETE FROM blocks WHERE context = ?", (str(context),))

    def is_blocked(self, context: Identity) -> bool:
        return self._database.row("SELECT 1 FROM blocks WHERE context = ?", (str(context),)) is not None
