"""Who may send invoices with attachments."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.store.database import Database


@dataclass(frozen=True)
class Consent:
    """
    A consent to attachments.

    :param ends: when it ends or has ended, in ticks; None where no end is known.
    """

    ends: int | None

    def is_given(self, now: int) -> bool:
        return self.ends is None or now < self.ends


class ConsentStore:
    """The consents of all companies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, nip: str) -> Consent | None:
        row = self._database.row("SELECT ends FROM attachment_consents WHERE nip = ?", (nip,))
        return Consent(row[0]) if row else None

    def give(self, nip: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO attachment_consents VALUES (?, NULL)", (nip,))

    def end(self, nip: str, moment: int) -> None:
        """Let a consent end; one that was never given stays so."""
        self._database.execute("UPDATE attachment_consents SET ends = ? WHERE nip = ?", (moment, nip))
