"""What tables hold of a span against what KSeF holds of it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_ksef.tables.schema import MOMENT, NUMBER, STORED

COMPARED = (
    "invoice_number",
    "issue_date",
    "ksef_date",
    "invoicing_date",
    "acquisition_date",
    STORED,
    "seller_nip",
    "buyer_identifier_type",
    "buyer_identifier",
    "net_amount",
    "gross_amount",
    "vat_amount",
    "currency",
    "invoice_hash",
)
"""Columns of ``invoices`` that must be what KSeF says: what a tax return and a proof rest on."""
DOCUMENT_COUNTS = (NUMBER, "line_count", "rate_group_count")


@dataclass(frozen=True)
class Documents:
    """
    What the companion tables hold of a span.

    :param stated: :data:`DOCUMENT_COUNTS` of ``invoice_documents``.
    :param lines: KSeF number of each row of ``invoice_lines``.
    :param rate_groups: KSeF number of each row of ``invoice_vat_summary``.
    """

    stated: pa.Table
    lines: pa.Array
    rate_groups: pa.Array


@dataclass(frozen=True)
class Comparison:
    """
    KSeF numbers in which tables differ from KSeF.

    :param missing: KSeF has them, the table does not.
    :param surplus: the table has them, KSeF does not.
    :param doubled: the table has them more than once.
    :param altered: the table says something else of them than KSeF does.
    :param without_document: the table has them, the one of documents does not, though it should.
    :param incomplete_document: the document is there, with other rows of lines or tax sums than it has.
    """

    missing: pa.Array
    surplus: pa.Array
    doubled: pa.Array
    altered: pa.Array
    without_document: pa.Array
    incomplete_document: pa.Array

    @property
    def has_gaps(self) -> bool:
        """Whether another export could fill something."""
        return bool(len(self.missing) or self.lacks_documents)

    @property
    def lacks_documents(self) -> bool:
        """Whether it would have to bring documents."""
        return bool(len(self.without_document) or len(self.incomplete_document))


def compare_rows(
    known: pa.Table, wanted: pa.Array, there: pa.Table, documents: Documents | None = None
) -> Comparison:
    """
    Compare the rows of one span.

    :param known: those that KSeF holds, with the columns :data:`COMPARED`.
    :param wanted: for each of them whether the table should hold it: not where retention has deleted it.
    :param there: those that the table holds, as often as it does; the same columns.
    :param documents: what is beside them; None where there need not be any.
    """
    counts = pc.value_counts(numbers_of(there))
    once = counts.field("values")
    should = numbers_of(known.filter(wanted))
    should_and_is = once.filter(pc.is_in(once, should))
    none = once.slice(0, 0)
    return Comparison(
        missing=pc.unique(_not_in(should, once)),
        surplus=_not_in(once, numbers_of(known)),
        doubled=once.filter(pc.greater(counts.field("counts"), 1)),
        altered=_altered(known, there),
        without_document=none if documents is None else _not_in(should_and_is, numbers_of(documents.stated)),
        incomplete_document=none if documents is None else _incomplete(documents, should_and_is),
    )


def _altered(known: pa.Table, there: pa.Table) -> pa.Array:
    place = pc.index_in(numbers_of(there), numbers_of(known))
    there, known = there.filter(pc.is_valid(place)), known.take(place.drop_null())
    is_other = pa.array([False] * there.num_rows, pa.bool_())
    for name in COMPARED:
        ours, theirs = there[name].combine_chunks(), known[name].combine_chunks()
        is_one_null = pc.xor(pc.is_null(ours), pc.is_null(theirs))
        is_unequal = pc.fill_null(pc.not_equal(ours, theirs), fill_value=False)
        is_other = pc.or_(is_other, pc.or_(is_one_null, is_unequal))
    return pc.unique(numbers_of(there).filter(is_other))


def _incomplete(documents: Documents, numbers: pa.Array) -> pa.Array:
    """Give those of some numbers whose document has other rows than it states."""
    stated = documents.stated.filter(pc.is_in(documents.stated[NUMBER], numbers))
    lines = _is_other_count(stated, "line_count", documents.lines)
    rate_groups = _is_other_count(stated, "rate_group_count", documents.rate_groups)
    return pc.unique(numbers_of(stated).filter(pc.or_(lines, rate_groups)))


def _is_other_count(stated: pa.Table, column: str, rows: pa.Array) -> pa.Array:
    counts = pc.value_counts(rows)
    place = pc.index_in(numbers_of(stated), counts.field("values"))
    counted = pc.fill_null(counts.field("counts").take(place), 0)
    return pc.fill_null(pc.not_equal(stated[column].combine_chunks(), counted), fill_value=False)


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
