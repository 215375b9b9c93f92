"""What a comparison calls missing, surplus, doubled, altered and incomplete."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.tables.comparing import (
    COMPARED,
    DOCUMENT_COUNTS,
    Comparison,
    Documents,
    compare_rows,
)
from airflow_provider_ksef.tables.schema import DOCUMENTS, INVOICES, NUMBER

NUMBERS = st.lists(st.sampled_from("abcdef"), max_size=12)
OTHER = {
    pa.string(): "other",
    pa.date32(): date(2026, 3, 1),
    pa.decimal128(20, 2): Decimal("0.01"),
    INVOICES.field("invoicing_date").type: datetime(2026, 3, 1, tzinfo=UTC),
}


def invoices(numbers: list[str]) -> pa.Table:
    schema = pa.schema([INVOICES.field(name) for name in (NUMBER, *COMPARED)])
    return pa.Table.from_pylist([{NUMBER: number} for number in numbers], schema)


def documents(numbers: list[str], **counts: list[int | None]) -> pa.Table:
    columns = [numbers, *(counts.get(name, [None] * len(numbers)) for name in DOCUMENT_COUNTS[1:])]
    schema = pa.schema([DOCUMENTS.field(name) for name in DOCUMENT_COUNTS])
    return pa.table(columns, schema=schema)


def held(stated: pa.Table, lines: str = "", rate_groups: str = "") -> Documents:
    return Documents(stated, *(pa.array(list(rows), pa.string()) for rows in (lines, rate_groups)))


def compared(there: pa.Table, known: pa.Table, beside: Documents | None = None) -> Comparison:
    return compare_rows(known, pa.array([True] * known.num_rows), there, beside)


@given(
    known=NUMBERS, there=NUMBERS, documented=st.none() | NUMBERS, deleted=st.sets(st.sampled_from("abcdef"))
)
def test_a_comparison_is_what_sets_and_counts_say(
    known: list[str], there: list[str], documented: list[str] | None, deleted: set[str]
) -> None:
    wanted = [number for number in known if number not in deleted]
    beside = None if documented is None else held(documents(documented))
    is_wanted = pa.array([number not in deleted for number in known], pa.bool_())
    found = compare_rows(invoices(known), is_wanted, invoices(there), beside)
    assert sorted(found.missing.to_pylist()) == sorted(set(wanted) - set(there))
    assert sorted(found.surplus.to_pylist()) == sorted(set(there) - set(known))
    assert sorted(found.doubled.to_pylist()) == sorted(
        number for number, times in Counter(there).items() if times > 1
    )
    with_document = set(there) if documented is None else set(documented)
    assert sorted(found.without_document.to_pylist()) == sorted(set(wanted) & set(there) - with_document)
    assert found.has_gaps == bool(len(found.missing) or len(found.without_document))
    assert len(found.altered) == len(found.incomplete_document) == 0


@pytest.mark.parametrize("name", COMPARED)
def test_a_value_that_is_not_ksefs_is_told(name: str) -> None:
    known = invoices(["a", "b", "c"])
    place, column = known.column_names.index(name), INVOICES.field(name)
    values = pa.array([None, OTHER[column.type], None], column.type)
    changed = known.set_column(place, column, values)
    for there, theirs in ((changed, known), (known, changed)):
        found = compared(there.take([2, 1, 0]), theirs)
        assert found.altered.to_pylist() == ["b"]
        assert not found.has_gaps, "another export could not put it right"
    assert len(compared(changed.take([1, 0, 2]), changed).altered) == 0


@pytest.mark.parametrize(
    ("lines", "rate_groups", "incomplete"),
    [("aab", "abb", ""), ("ab", "abb", "a"), ("aab", "ab", "b"), ("b", "abb", "a"), ("aabb", "abb", "b")],
)
def test_a_document_with_other_rows_than_it_states_is_told(
    lines: str, rate_groups: str, incomplete: str
) -> None:
    stated = documents(["a", "b", "c"], line_count=[2, 1, None], rate_group_count=[1, 2, None])
    found = compared(invoices(["a", "b", "c"]), invoices(["a", "b", "c"]), held(stated, lines, rate_groups))
    assert "".join(found.incomplete_document.to_pylist()) == incomplete
    assert found.has_gaps == found.lacks_documents == bool(incomplete)
