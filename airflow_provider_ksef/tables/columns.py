"""What the columns of all tables are made of."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

MOMENT = pa.timestamp("us", tz="UTC")
AMOUNT = pa.decimal128(20, 2)

NUMBER = "ksef_number"
"""The key of every table, within a context and subject type."""
STORED = "permanent_storage_date"
"""What every table is sorted and divided into months by."""
EXPORT = "export_reference"

CARRIED = ("invoice_number", "issue_date", "ksef_date", "seller_nip", "invoice_type", "currency")
"""Columns of ``invoices`` that its lines and tax sums repeat, so that few questions need a join."""


def described(name: str, kind: pa.DataType, description: str) -> pa.Field:
    """
    Make a column, or a member of one.

    :param name: its name.
    :param kind: its Arrow type.
    :param description: what it means; the data dictionary is made of it.
    """
    return pa.field(name, kind, metadata={"description": description})


def element_column(
    name: str, kind: pa.DataType, fa: str | None, fa_rr: str | None, description: str
) -> pa.Field:
    """
    Make a column of an element of the document.

    :param fa: the element's name in FA(2) and FA(3); None where they have none.
    :param fa_rr: its name in FA_RR. One code may mean different things in the two.
    """
    elements = {"ksef.fa": fa, "ksef.fa_rr": fa_rr}
    known = {key: element for key, element in elements.items() if element is not None}
    return pa.field(name, kind, metadata={"description": description, **known})


def key_columns() -> Iterator[pa.Field]:
    """Give the columns that lead from a companion table to ``invoices``."""
    yield described(NUMBER, pa.string(), "Number that KSeF gave the invoice; leads to the table invoices.")
    yield described(
        STORED,
        MOMENT,
        "When KSeF stored the invoice for good; floored to microseconds. Files are sorted by it.",
    )


def origin_columns() -> Iterator[pa.Field]:
    """Give the columns that tell where a row came from."""
    yield described(EXPORT, pa.string(), "Reference number of the export that brought the row.")
    yield described("synced_at", MOMENT, "When the package was read, by the clock of the worker.")
