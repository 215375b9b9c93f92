"""Every accepted invoice: columns to search by, metadata as they are told, the document or how to make it."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from airflow_provider_ksef.emulator.documents import InvoiceFacts
from airflow_provider_ksef.emulator.metadata import Registration, metadata_json, roles_of
from airflow_provider_ksef.emulator.query import InvoiceQuery
from airflow_provider_ksef.emulator.store.database import Database, Row
from airflow_provider_ksef.emulator.synthetic import synthesize

_CHUNK = 500
_UNIQUE_YEARS = 10
_MOST_GROSZE = 2**63 - 1


@dataclass(frozen=True)
class Recipe:
    """The arguments by which a synthetic invoice is made again, instead of its bytes."""

    nip: str
    subject_type: str
    index: int
    seed: int
    issue_date: date

    def make(self) -> bytes:
        return synthesize(self.nip, self.subject_type, self.index, self.seed, self.issue_date).xml


@dataclass(frozen=True)
class NewInvoice:
    """An invoice that was accepted and is to be kept."""

    facts: InvoiceFacts
    registration: Registration
    document: bytes | Recipe


@dataclass(frozen=True)
class Found:
    """
    A found invoice.

    :param moment: its date of the kind that was asked for: ticks, for issue dates the day's ordinal.
    :param metadata: JSON.
    """

    id: int
    ksef_number: str
    moment: int
    metadata: bytes


class InvoiceStore:
    """All invoices of all companies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, invoices: Sequence[NewInvoice]) -> None:
        """Keep accepted invoices."""
        with self._database.transaction():
            last = self._database.row("SELECT max(id) FROM invoices")
            first = ((last and last[0]) or 0) + 1
            self._database.execute_many(
                f"INSERT INTO invoices VALUES ({', '.join('?' * 22)})",
                (_columns(first + index, invoice) for index, invoice in enumerate(invoices)),
            )
            self._database.execute_many(
                "INSERT INTO roles VALUES (?, ?, ?, ?)",
                (
                    (party, subject_type, invoice.registration.stored, first + index)
                    for index, invoice in enumerate(invoices)
                    for party, subject_type in roles_of(invoice.facts)
                ),
            )

    def find_same(self, facts: InvoiceFacts, received: date) -> tuple[str, str] | None:
        """
        KSeF number and session of the invoice with that seller, type and number, where there is one.

        :param received: a number is free again when ten full years have passed after the year of issue.
        """
        oldest = date(received.year - _UNIQUE_YEARS, 1, 1)
        found = self._database.row(
            "SELECT ksef_number, session FROM invoices "
            "WHERE invoice_number = ? AND seller_nip = ? AND invoice_type = ? AND issued >= ?",
            (facts.invoice_number, facts.seller_nip, facts.invoice_type, oldest.toordinal()),
        )
        return (str(found[0]), str(found[1])) if found else None

    def find(self, query: InvoiceQuery, *, descending: bool = False, skip: int = 0, most: int) -> list[Found]:
        """Give the invoices that a query finds, in the order of its date, equal dates by KSeF number."""
        condition, parameters = query.condition()
        direction = "DESC" if descending else "ASC"
        rows = self._database.rows(
            f"SELECT i.id, i.ksef_number, {query.column}, i.metadata "
            "FROM roles r JOIN invoices i ON i.id = r.invoice "
            f"WHERE {condition} ORDER BY {query.column} {direction}, i.ksef_number {direction} "
            "LIMIT ? OFFSET ?",
            (*parameters, most, skip),
        )
        return [Found(*row) for row in rows]

    def numbers(self, party: str, subject_type: str) -> list[str]:
        """All KSeF numbers of invoices on which a party has a role, in the order of storing."""
        rows = self._database.rows(
            "SELECT i.ksef_number FROM roles r JOIN invoices i ON i.id = r.invoice "
            "WHERE r.party = ? AND r.subject_type = ? ORDER BY r.stored, i.ksef_number",
            (party, subject_type),
        )
        return [row[0] for row in rows]

    def locate(self, ksef_number: str, party: str) -> tuple[int, int] | None:
        """Id and permanent storage date of an invoice on which the party appears."""
        found = self._database.row(
            "SELECT i.id, i.stored FROM invoices i WHERE i.ksef_number = ? AND EXISTS "
            "(SELECT 1 FROM roles r WHERE r.invoice = i.id AND r.party = ? AND r.stored = i.stored "
            "AND r.subject_type IN ('Subject1', 'Subject2', 'Subject3', 'SubjectAuthorized'))",
            (ksef_number, party),
        )
        return (found[0], found[1]) if found else None

    def sellers(self, ksef_numbers: Sequence[str], known_at: int) -> dict[str, str]:
        """The sellers' NIPs by KSeF number, of those invoices that are stored by a moment in ticks."""
        found: dict[str, str] = {}
        for start in range(0, len(ksef_numbers), _CHUNK):
            chunk = ksef_numbers[start : start + _CHUNK]
            rows = self._database.rows(
                "SELECT ksef_number, seller_nip FROM invoices "
                f"WHERE ksef_number IN ({', '.join('?' * len(chunk))}) AND stored <= ?",
                (*chunk, known_at),
            )
            found.update(rows)
        return found

    def documents(self, ids: Sequence[int]) -> Iterator[bytes]:
        """Give the documents of these invoices in their order, a few at a time."""
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            rows = self._database.rows(
                f"SELECT id, xml, recipe FROM invoices WHERE id IN ({', '.join('?' * len(chunk))})",
                chunk,
            )
            kept = {row[0]: row for row in rows}
            for each in chunk:
                yield _document(kept[each])


def _columns(identity: int, invoice: NewInvoice) -> Row:
    facts, registration, document = invoice.facts, invoice.registration, invoice.document
    is_recipe = isinstance(document, Recipe)
    return (
        identity,
        registration.ksef_number,
        facts.seller_nip,
        facts.invoice_type,
        facts.invoice_number,
        facts.issue_date.toordinal(),
        registration.invoicing,
        registration.stored,
        registration.mode,
        to_grosze(facts.net),
        to_grosze(facts.gross),
        to_grosze(facts.vat),
        facts.currency,
        facts.buyer_type,
        facts.buyer_value,
        facts.is_self_invoicing,
        facts.has_attachment,
        facts.form.value,
        registration.session,
        metadata_json(facts, registration),
        None if isinstance(document, Recipe) else zlib.compress(document, 1),
        msgspec.json.encode(document).decode() if is_recipe else None,
    )


def to_grosze(amount: Decimal) -> int:
    """Money as the whole number that SQLite compares; what is too large for it counts as the largest one."""
    return max(-_MOST_GROSZE, min(_MOST_GROSZE, int(amount.scaleb(2))))


def _document(row: Row) -> bytes:
    _, xml, recipe = row
    return zlib.decompress(xml) if recipe is None else msgspec.json.decode(recipe, type=Recipe).make()
