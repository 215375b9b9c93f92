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
    :param without_document: the table has them, the one of documents does not, though it should.
    """

    missing: pa.Array
    surplus: pa.Array
    doubled: pa.Array
    without_document: pa.Array

    @property
    def has_gaps(self) -> bool:
        """Whether another export could fill something."""
        return bool(len(self.missing) or len(self.without_document))


def compare_numbers(
    wanted: pa.Array, known: pa.Array, there: pa.Array, documents: pa.Array | None = None
) -> Comparison:
    """
    Compare the numbers of one span.

    :param wanted: those that the table should hold.
    :param known: those that KSeF holds; more than ``wanted`` where retention has deleted some on purpose.
    :param there: those that the table holds, as often as it does.
    :param documents: those that the table of documents holds; None where there need not be any.
    """
    counts = pc.value_counts(there)
    once = counts.field("values")
    wanted_there = once.filter(pc.is_in(once, wanted))
    return Comparison(
        missing=pc.unique(_not_in(wanted, once)),
        surplus=_not_in(once, known),
        doubled=once.filter(pc.greater(counts.field("counts"), 1)),
        without_document=once.slice(0, 0) if documents is None else _not_in(wanted_there, documents),
    )


def _not_in(numbers: pa.Array, others: pa.Array) -> pa.Array:
    return numbers.filter(pc.invert(pc.is_in(numbers, others)))


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
