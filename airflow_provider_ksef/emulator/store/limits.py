"""Limits of contexts and subjects that test data changed."""

from __future__ import annotations

import msgspec

from airflow_provider_ksef.emulator.limits import ContextLimits
from airflow_provider_ksef.emulator.store.database import Database


class LimitStore:
    """Limits that differ from KSeF's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def context(self, context: str) -> ContextLimits:
        """The limits that a context has now."""
        row = self._database.row("SELECT limits FROM context_limits WHERE context = ?", (context,))
        return msgspec.json.decode(row[0], type=ContextLimits) if row else ContextLimits()

    def set_context(self, context: str, limits: ContextLimits) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO context_limits VALUES (?, ?)", (context, msgspec.json.encode(limits))
        )

    def reset_context(self, context: str) -> None:
        self._database.execute("DELETE FROM context_limits WHERE context = ?", (context,))

    def subject(self, subject: str) -> tuple[int | None, int | None]:
        """The numbers of enrollments and certificates that were set for a subject."""
        row = self._database.row(
            "SELECT enrollments, certificates FROM subject_limits WHERE subject = ?", (subject,)
        )
        return (row[0], row[1]) if row else (None, None)

    def set_subject(self, subject: str, enrollments: int | None, certificates: int | None) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO subject_limits VALUES (?, ?, ?)", (subject, enrollments, certificates)
        )

    def reset_subject(self, subject: str) -> None:
        self._database.execute("DELETE FROM subject_limits WHERE subject = ?", (subject,))
