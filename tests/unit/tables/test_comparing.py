"""What a comparison calls missing, surplus and doubled."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.tables.comparing import compare_numbers

NUMBERS = st.lists(st.sampled_from("abcdef"), max_size=12)


@given(
    known=NUMBERS, there=NUMBERS, documents=st.none() | NUMBERS, deleted=st.sets(st.sampled_from("abcdef"))
)
def test_a_comparison_is_what_sets_and_counts_say(
    known: list[str], there: list[str], documents: list[str] | None, deleted: set[str]
) -> None:
    wanted = [number for number in known if number not in deleted]
    given_documents = None if documents is None else pa.array(documents, pa.string())
    found = compare_numbers(
        *(pa.array(numbers, pa.string()) for numbers in (wanted, known, there)), given_documents
    )
    assert sorted(found.missing.to_pylist()) == sorted(set(wanted) - set(there))
    assert sorted(found.surplus.to_pylist()) == sorted(set(there) - set(known))
    assert sorted(found.doubled.to_pylist()) == sorted(
        number for number, times in Counter(there).items() if times > 1
    )
    documented = set(there) if documents is None else set(documents)
    assert sorted(found.without_document.to_pylist()) == sorted(set(wanted) & set(there) - documented)
    assert found.has_gaps == bool(len(found.missing) or len(found.without_document))
