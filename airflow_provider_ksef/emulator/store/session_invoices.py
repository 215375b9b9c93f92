"""The fate of each invoice within its session."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from airflow_provider_ksef.emulator.store.database import Database, Row

_COLUMNS = (
    "ordinal, reference, hash, invoicing, file_name, code, description, details, extensions, invoice_number, "
    "ksef_number, acquired, stored, mode"
)
ACCEPTED = 200


@dataclass(frozen=True)
class SessionInvoice:
    """One invoice of a session. Moments are in ticks."""

    ordinal: int
    reference: str
    hash: str
    invoicing: int
    file_name: str | None
    code: int
    description: str
    details: list[str] | None = None
    extensions: dict[str, str] | None = None
    invoice_number: str | None = None
    ksef_number: str | None = None
    acquired: int | None = None
    stored: int | None = None
    mode: str | None = None


class SessionInvoiceStore:
    """The invoices of all sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: str, invoices: Sequence[SessionInvoice]) -> None:
        self._database.execute_many(
            f"INSERT INTO session_invoices (session, {_COLUMNS}) VALUES ({', '.join('?' * 15)})",
            [(session, *_values(invoice)) for invoice in invoices],
        )

    def select(self, session: str, *, after: int, most: int, only_failed: bool) -> list[SessionInvoice]:
        """A session's invoices whose ordinal number is greater than ``after``."""
        failed = "AND code NOT IN (100, 150, 200)" if only_failed else ""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM session_invoices WHERE session = ? AND ordinal > ? {failed} "
            "ORDER BY ordinal LIMIT ?",
            (session, after, most),
        )
        return [_invoice(row) for row in rows]

    def get(self, session: str, reference: str) -> SessionInvoice | None:
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM session_invoices WHERE reference = ? AND session = ?",
            (reference, session),
        )
        return _invoice(row) if row else None

    def last_ordinal(self, session: str) -> int:
        row = self._database.row("SELECT max(ordinal) FROM session_invoices WHERE session = ?", (session,))
        return int(row[0] or 0) if row else 0

    def counts(self, session: str) -> tuple[int, int]:
        """How many were accepted and how many rejected."""
        row = self._database.row(
            "SELECT count(*) FILTER (WHERE code = 200), count(*) FILTER (WHERE code NOT IN (100, 150, 200)) "
            "FROM session_invoices WHERE session = ?",
            (session,),
        )
        return (int(row[0]), int(row[1])) if row else (0, 0)


def _values(invoice: SessionInvoice) -> Row:
    values = list(astuple(invoice))
    for position in (7, 8):
        values[position] = json.dumps(values[position], ensure_ascii=False) if values[position] else None
    return tuple(values)


def _invoice(row: Row) -> SessionInvoice:
    values: list[Any] = list(row)
    for position in (7, 8):
        values[position] = json.loads(row[position]) if row[position] else None
    return SessionInvoice(*values)
