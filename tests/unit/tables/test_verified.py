"""Verified spans: joined where they touch, cut where a later verification found a difference."""

from __future__ import annotations

import itertools
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.verified import note_verified, read_verified, withdraw_verified
from tests.unit.tables.tiny import KEY

FIRST = parse_ticks("2026-03-01T00:00:00Z")
STEPS = st.lists(
    st.tuples(st.booleans(), st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)), max_size=8
)


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_spans_are_what_a_set_of_ticks_would_be(steps: list[tuple[bool, list[int]]], tmp_path: Path) -> None:
    root, truth = UPath(tmp_path), set[int]()
    (tmp_path / "_ksef" / "verified" / KEY.context / f"{KEY.subject_type}.json").unlink(missing_ok=True)
    for holds, (first, last) in steps:
        bounds = (format_ticks(FIRST + tick) for tick in (first, last))
        (note_verified if holds else withdraw_verified)(root, KEY, *bounds)
        ticks = set(range(first, last + 1))
        truth = truth | ticks if holds else truth - ticks
    spans = [tuple(parse_ticks(bound) - FIRST for bound in span) for span in read_verified(root, KEY)]
    assert {tick for first, last in spans for tick in range(first, last + 1)} == truth
    assert all(last + 1 < first for (_, last), (first, _) in itertools.pairwise(spans))
