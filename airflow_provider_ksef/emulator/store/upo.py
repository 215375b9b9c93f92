"""What official receipts are made of: accepted invoices, and the pages of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from airflow_provider_ksef.emulator.store.database import Database, Row

_DOCUMENTS = (
    "SELECT s.ksef_number, s.invoice_number, i.issued, s.invoicing, s.acquired, s.hash, s.mode "
    "FROM session_invoices s JOIN invoices i ON i.ksef_number = s.ksef_number "
    "WHERE s.session = ?"
)


@dataclass(frozen=True)
class UpoDocument:
    """An accepted invoice as its receipt tells of it. Moments are in ticks."""

    ksef_number: str
    invoice_number: str
    issue_date: date
    sent: int
    numbered: int
    hash: str
    mode: str


class UpoStore:
    """The receipts of all sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_pages(self, session: str, references: Sequence[str]) -> None:
        self._database.execute_many(
            "INSERT INTO upo_pages VALUES (?, ?, ?)",
            [(session, number, reference) for number, reference in enumerate(references, start=1)],
        )

    def pages(self, session: str) -> list[str]:
        """The references of a session's pages, in their order."""
        rows = self._database.rows(
            "SELECT reference FROM upo_pages WHERE session = ? ORDER BY number", (session,)
        )
        return [row[0] for row in rows]

    def documents(self, session: str, *, skip: int, most: int) -> list[UpoDocument]:
        """Accepted invoices of a session, in their order."""
        rows = self._database.rows(f"{_DOCUMENTS} ORDER BY s.ordinal LIMIT ? OFFSET ?", (session, most, skip))
        return [_document(row) for row in rows]

    def by_reference(self, session: str, reference: str) -> UpoDocument | None:
        row = self._database.row(f"{_DOCUMENTS} AND s.reference = ?", (session, reference))
        return _document(row) if row else None

    def by_ksef_number(self, session: str, ksef_number: str) -> UpoDocument | None:
        row = self._database.row(f"{_DOCUMENTS} AND s.ksef_number = ?", (session, ksef_number))
        return _document(row) if row else None


def _document(row: Row) -> UpoDocument:
    ksef_number, invoice_number, issued, sent, numbered, digest, mode = row
    return UpoDocument(ksef_number, invoice_number, date.fromordinal(issued), sent, numbered, digest, mode)
