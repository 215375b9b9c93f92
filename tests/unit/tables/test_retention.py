"""Retention rules: what makes one, which of them are kept, and that none is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.tables.retention import (
    RetentionRule,
    new_rule,
    note_rule,
    read_retention,
    retention_folder,
    retention_rules,
)
from airflow_provider_ksef.tables.storage import LocalStore
from tests.unit.tables.tiny import KEY, moment

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NIP, OTHER = "5250001210", "1111111111"


def rule(day: str, nip: str | None = None) -> RetentionRule:
    return RetentionRule(moment(day), nip)


def noted(root: Path, *rules: RetentionRule) -> list[tuple[str, str | None]]:
    for each in rules:
        note_rule(LocalStore(root), KEY, each)
    return [(each.stored_before[:10], each.nip) for each in read_retention(UPath(root), KEY)]


@pytest.mark.parametrize(
    "given", [("2026-01-01", ""), ("", NIP), ("", None), (None, ""), ("", ""), (None, None), (" ", NIP)]
)
def test_what_was_rendered_empty_widens_no_rule(given: tuple[Any, Any]) -> None:
    with pytest.raises(KsefInputError):
        new_rule(*given, position=moment("2026-04-01"), now=NOW)


def test_a_rule_takes_the_place_of_those_that_it_covers(tmp_path: Path) -> None:
    days = [rule(f"2026-01-{day:02d}") for day in range(1, 20)]
    assert noted(tmp_path, *days) == [("2026-01-19", None)], "a rule a day is one file"
    assert noted(tmp_path, rule("2026-01-05"), rule("2026-01-10", NIP)) == [("2026-01-19", None)]
    both = [("2026-01-19", None), ("2026-02-01", NIP), ("2026-02-01", OTHER)]
    assert noted(tmp_path, rule("2026-02-01", NIP), rule("2026-02-01", OTHER)) == both
    assert noted(tmp_path, rule("2026-01-31")) == [*both[1:], ("2026-01-31", None)]
    assert noted(tmp_path, rule("2026-03-01")) == [("2026-03-01", None)]


def test_a_reader_meets_the_old_rule_or_the_new_one(tmp_path: Path) -> None:
    class Slow(LocalStore):
        """A reader that sleeps between its listing and its reading."""

        slept = False

        def read(self, path: str) -> bytes | None:
            if not self.slept:
                self.slept = True
                noted(tmp_path, rule("2026-02-01"))
            return super().read(path)

    noted(tmp_path, rule("2026-01-01"))
    [found] = retention_rules(Slow(tmp_path), KEY)
    assert found.stored_before == moment("2026-02-01")
    assert LocalStore(tmp_path).names(retention_folder(KEY)) == ["2.json"]
