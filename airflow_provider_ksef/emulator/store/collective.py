"""Collective identifiers: one number for many invoices of a seller, which a buyer pays together."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from airflow_provider_ksef.emulator.store.database import Database

_CHUNK = 500


@dataclass(frozen=True)
class Collected:
    """
    An invoice under a collective identifier.

    :param amount: that is paid for it, with its ``currency``, where the identifier's maker told it.
    """

    ksef_number: str
    amount: float | None = None
    currency: str | None = None
    description: str | None = None

    @property
    def has_details(self) -> bool:
        return self.amount is not None or self.description is not None


@dataclass(frozen=True)
class Collective:
    """
    A collective identifier.

    :param context: in which it was made.
    :param created: in ticks.
    :param count: of its invoices.
    """

    number: str
    context: str
    seller_nip: str
    created: int
    count: int


class CollectiveStore:
    """The collective identifiers of all contexts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, collective: Collective, invoices: Iterable[Collected]) -> None:
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO collective_identifiers VALUES (?, ?, ?, ?, ?)", astuple(collective)
            )
            self._database.execute_many(
                "INSERT INTO collected_invoices VALUES (?, ?, ?, ?, ?)",
                [(collective.number, *astuple(invoice)) for invoice in invoices],
            )

    def visible(self, context: str, seller_nip: str | None) -> list[Collective]:
        """Those made in a context or, where a NIP is given, of that seller's invoices; the latest first."""
        rows = self._database.rows(
            "SELECT * FROM collective_identifiers WHERE context = ? OR seller_nip = ? "
            "ORDER BY created DESC, number DESC",
            (context, seller_nip),
        )
        return [Collective(*row) for row in rows]

    def of_invoice(self, ksef_number: str) -> list[Collective]:
        """Those that an invoice is under, the latest first."""
        rows = self._database.rows(
            "SELECT c.* FROM collected_invoices i JOIN collective_identifiers c ON c.number = i.number "
            "WHERE i.ksef_number = ? ORDER BY c.created DESC, c.number DESC",
            (ksef_number,),
        )
        return [Collective(*row) for row in rows]

    def counts(self, context: str, ksef_numbers: Sequence[str]) -> dict[str, int]:
        """Under how many identifiers of a context each of some invoices is."""
        found: dict[str, int] = {}
        for start in range(0, len(ksef_numbers), _CHUNK):
            chunk = ksef_numbers[start : start + _CHUNK]
            rows = self._database.rows(
                "SELECT i.ksef_number, count(*) FROM collected_invoices i "
                "JOIN collective_identifiers c ON c.number = i.number "
                f"WHERE c.context = ? AND i.ksef_number IN ({', '.join('?' * len(chunk))}) "
                "GROUP BY i.ksef_number",
                (context, *chunk),
            )
            found.update(rows)
        return found

    def invoices(self, numbers: Sequence[str]) -> list[tuple[Collective, Collected]]:
        """The invoices of some identifiers, by KSeF number from the last one on."""
        rows = self._database.rows(
            "SELECT c.*, i.ksef_number, i.amount, i.currency, i.description FROM collective_identifiers c "
            "JOIN collected_invoices i ON i.number = c.number "
            f"WHERE c.number IN ({', '.join('?' * len(numbers))}) ORDER BY i.ksef_number DESC, c.number DESC",
            numbers,
        )
        return [(Collective(*row[:5]), Collected(*row[5:])) for row in rows]
