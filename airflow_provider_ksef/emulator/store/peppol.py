"""The providers of Peppol services that have ever logged in."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.store.database import Database


@dataclass(frozen=True)
class Provider:
    """
    A provider.

    :param id: e.g. ``PPL000001``.
    :param created: when it was registered, in ticks.
    """

    id: str
    name: str
    created: int


class PeppolStore:
    """All providers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, provider: str, name: str, moment: int) -> None:
        """Keep a provider; one that is known stays as it is."""
        self._database.execute(
            "INSERT OR IGNORE INTO peppol_providers VALUES (?, ?, ?)", (provider, name, moment)
        )

    def all(self) -> list[Provider]:
        """The latest first."""
        rows = self._database.rows("SELECT * FROM peppol_providers ORDER BY created DESC, id")
        return [Provider(*row) for row in rows]
