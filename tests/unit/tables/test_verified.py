"""Verified and different spans: joined where they touch, cut where a later verification found otherwise."""

from __future__ import annotations

import itertools
import random
import uuid
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_ksef.tables.lease import Pause
from airflow_provider_ksef.tables.moments import format_ticks, parse_ticks
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.verified import (
    Span,
    note_verified,
    noting_steps,
    read_different,
    read_verified,
    withdraw_verified,
)
from tests.unit.tables.tiny import KEY

FIRST = parse_ticks("2026-03-01T00:00:00Z")
STEPS = st.lists(
    st.tuples(st.booleans(), st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)), max_size=8
)


def span(first: int, last: int) -> Span:
    return format_ticks(FIRST + first), format_ticks(FIRST + last)


def ticks_of(spans: tuple[Span, ...]) -> list[tuple[int, int]]:
    return [(parse_ticks(first) - FIRST, parse_ticks(last) - FIRST) for first, last in spans]


@given(steps=STEPS)
@settings(max_examples=60)
def test_spans_are_what_a_set_of_ticks_would_be(steps: list[tuple[bool, list[int]]]) -> None:
    root, same, different = UPath(f"memory://{uuid.uuid4()}"), set[int](), set[int]()
    for holds, (first, last) in steps:
        (note_verified if holds else withdraw_verified)(root, KEY, *span(first, last))
        ticks = set(range(first, last + 1))
        same, different = (same | ticks, different - ticks) if holds else (same - ticks, different | ticks)
    for spans, truth in ((read_verified(root, KEY), same), (read_different(root, KEY), different)):
        found = ticks_of(spans)
        assert {tick for first, last in found for tick in range(first, last + 1)} == truth
        assert all(last + 1 < first for (_, last), (first, _) in itertools.pairwise(found))


def test_of_two_verifications_at_once_none_loses_what_the_other_found(tmp_path: Path) -> None:
    for seed in range(8):
        store, dice = open_store(UPath(tmp_path / str(seed))), random.Random(seed)
        running = [
            noting_steps(store, KEY, span(10 * number, 10 * number + 5), holds=number % 2 == 0)
            for number in range(4)
        ]
        while running:
            one = dice.choice(running)
            for step in one:
                if isinstance(step, Pause) or dice.random() < 0.7:
                    break
            else:
                running.remove(one)
        root = UPath(tmp_path / str(seed))
        assert ticks_of(read_verified(root, KEY)) == [(0, 5), (20, 25)]
        assert ticks_of(read_different(root, KEY)) == [(10, 15), (30, 35)]
