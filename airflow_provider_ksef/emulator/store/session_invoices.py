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
    "ksef_number, acquired, stored, mode, is_offline, size, corrected_hash"
)
WAITING, ACCEPTED = 150, 200


@dataclass(frozen=True)
class SessionInvoice:
    """
    One invoice of a session. Moments are in ticks.

    :param is_offline: whether it was declared so; ``mode`` is what KSeF makes of it.
    :param size: declared for an invoice that was sent online.
    :param corrected_hash: of the rejected invoice that this one corrects technically.
    """

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
    is_offline: bool = False
    size: int | None = None
    corrected_hash: str | None = None


@dataclass(frozen=True)
class Counts:
    """How many invoices a session has; those that still wait are neither accepted nor rejected."""

    total: int
    accepted: int
    rejected: int

    @property
    def waiting(self) -> int:
        return self.total - self.accepted - self.rejected


class SessionInvoiceStore:
    """The invoices of all sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, session: str, invoices: Sequence[SessionInvoice]) -> None:
        """Keep invoices, those that were waiting in place of what they were."""
        self._database.execute_many(
            f"INSERT OR REPLACE INTO session_invoices (session, {_COLUMNS}) VALUES ({', '.join('?' * 18)})",
            [(session, *_values(invoice)) for invoice in invoices],
        )

    def select(self, session: str, *, after: int, most: int, only_failed: bool) -> list[SessionInvoice]:
        """A session's invoices whose ordinal number is greater than ``after``."""
        failed = f"AND code NOT IN (200, {WAITING})" if only_failed else ""
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

    def waiting(self) -> list[str]:
        """References of invoices that were sent and are not processed yet."""
        rows = self._database.rows(f"SELECT reference FROM session_invoices WHERE code = {WAITING}")
        return [row[0] for row in rows]

    def find(self, reference: str) -> tuple[str, SessionInvoice] | None:
        """Give an invoice and its session's reference."""
        row = self._database.row(
            f"SELECT session, {_COLUMNS} FROM session_invoices WHERE reference = ?", (reference,)
        )
        return (row[0], _invoice(row[1:])) if row else None

    def last_ordinal(self, session: str) -> int:
        row = self._database.row("SELECT max(ordinal) FROM session_invoices WHERE session = ?", (session,))
        return int(row[0] or 0) if row else 0

    def counts(self, session: str) -> Counts:
        row = self._database.row(
            "SELECT count(*), count(*) FILTER (WHERE code = 200), "
            f"count(*) FILTER (WHERE code NOT IN (200, {WAITING})) FROM session_invoices WHERE session = ?",
            (session,),
        )
        return Counts(*row) if row else Counts(0, 0, 0)

    def fates(self, context: str, digest: str) -> list[tuple[int, bool]]:
        """Status, and whether it was declared offline, of each invoice with that hash that a context sent."""
        rows = self._database.rows(
            "SELECT i.code, i.is_offline FROM session_invoices i JOIN sessions s ON s.reference = i.session "
            "WHERE i.hash = ? AND s.context = ?",
            (digest, context),
        )
        return [(code, bool(is_offline)) for code, is_offline in rows]

    def is_corrected(self, context: str, digest: str) -> bool:
        """Whether a technical correction of the invoice with that hash was accepted."""
        row = self._database.row(
            "SELECT 1 FROM session_invoices i JOIN sessions s ON s.reference = i.session "
            "WHERE i.corrected_hash = ? AND i.code = 200 AND s.context = ?",
            (digest, context),
        )
        return row is not None


def _values(invoice: SessionInvoice) -> Row:
    values = list(astuple(invoice))
    for position in (7, 8):
        values[position] = json.dumps(values[position], ensure_ascii=False) if values[position] else None
    return tuple(values)


def _invoice(row: Row) -> SessionInvoice:
    values: list[Any] = list(row)
    for position in (7, 8):
        values[position] = json.loads(row[position]) if row[position] else None
    values[14] = bool(row[14])
    return SessionInvoice(*values)
