"""A search for invoices, as the metadata query and exports describe it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

COLUMNS = {"PermanentStorage": "r.stored", "Invoicing": "i.invoicing", "Issue": "i.issued"}


@dataclass(frozen=True)
class InvoiceQuery:
    """
    Which invoices are looked for.

    :param party: the identifier that must appear on the invoice, as ``subject_type``.
    :param start: first moment in ticks, for issue dates the day's ordinal; ``end`` likewise, both inclusive.
    :param known_at: when it is asked, in ticks: what is stored later is not there yet.
    :param is_restricted: whether the high-water mark bounds the range.
    :param exact: columns of ``invoices`` that must have a value.
    :param any_of: columns that must have one of several values.
    :param amount: column and bounds in grosze.
    """

    party: str
    subject_type: str
    date_type: str
    start: int
    end: int
    known_at: int
    is_restricted: bool
    exact: dict[str, str | int] = field(default_factory=dict)
    any_of: dict[str, list[str]] = field(default_factory=dict)
    amount: tuple[str, int | None, int | None] | None = None

    @property
    def column(self) -> str:
        """The column of the date that orders the result."""
        return COLUMNS[self.date_type]

    @property
    def is_by_storage(self) -> bool:
        return self.date_type == "PermanentStorage"

    def until(self, end: int) -> InvoiceQuery:
        """The same query with another end."""
        return replace(self, end=end)

    def condition(self) -> tuple[str, list[Any]]:
        """The SQL condition with its parameters."""
        # The plus keeps SQLite from walking the index up to now instead of the range's end.
        terms = ["r.party = ?", "r.subject_type = ?", f"{self.column} BETWEEN ? AND ?", "+r.stored <= ?"]
        values: list[Any] = [self.party, self.subject_type, self.start, self.end, self.known_at]
        for column, value in self.exact.items():
            terms.append(f"i.{column} = ?")
            values.append(value)
        for column, choices in self.any_of.items():
            terms.append(f"i.{column} IN ({', '.join('?' * len(choices))})")
            values += choices
        if self.amount:
            column, low, high = self.amount
            for bound, operator in ((low, ">="), (high, "<=")):
                if bound is not None:
                    terms.append(f"i.{column} {operator} ?")
                    values.append(bound)
        return " AND ".join(terms), values
