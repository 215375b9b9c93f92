"""What a table holds of a span against what KSeF holds of it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED


@dataclass(frozen=True)
class Comparison:
    """
    KSeF numbers in which a table differs from KSeF.

    :param missing: KSeF has them, the table does not.
    :param surplus: the table has them, KSeF does not.
    :param doubled: the table has them more than once.
    """

    missing: pa.Array
    surplus: pa.Array
    doubled: pa.Array

    @property
    def holds(self) -> bool:
        """Whether the table is as it should be."""
        return not (len(self.missing) or len(self.surplus) or len(self.doubled))


def compare_numbers(wanted: pa.Array, known: pa.Array, there: pa.Array) -> Comparison:
    """
    Compare the numbers of one span.

    :param wanted: those that the table should hold.
    :param known: those that KSeF holds; more than ``wanted`` where retention has deleted some on purpose.
    :param there: those that the table holds, as often as it does.
    """
    counts = pc.value_counts(there)
    once = counts.field("values")
    return Comparison(
        missing=pc.unique(wanted.filter(pc.invert(pc.is_in(wanted, once)))),
        surplus=once.filter(pc.invert(pc.is_in(once, known))),
        doubled=once.filter(pc.greater(counts.field("counts"), 1)),
    )


def within(rows: pa.Table, span: tuple[int, int]) -> pa.Table:
    """
    Give the rows that were stored within a span.

    :param span: first and last storage date in microseconds since 1970, both inclusive.
    """
    first, last = (pa.scalar(bound, pa.int64()).cast(MOMENT) for bound in span)
    stored = rows.column(STORED)
    return rows.filter(pc.and_(pc.greater_equal(stored, first), pc.less_equal(stored, last)))


def numbers_of(rows: pa.Table) -> pa.Array:
    """Give the KSeF numbers of rows."""
    return rows.column(NUMBER).combine_chunks()
