"""A watermark is set and reset by hand, in both formats, without a row lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from upath import UPath

from airflow_provider_ksef.exceptions import KsefInputError, KsefLeaseError, KsefTableError
from airflow_provider_ksef.tables.completeness import complete_months
from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.delta_watermark_moves import move_delta_steps
from airflow_provider_ksef.tables.repositioning import set_watermark
from airflow_provider_ksef.tables.table_format import TABLE_FORMATS, open_tables
from airflow_provider_ksef.tables.watermark import Watermark
from airflow_provider_ksef.tables.watermark_moves import move_steps
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

STEPS: dict[str, Callable[..., Any]] = {"parquet": move_steps, "delta": move_delta_steps}


@pytest.fixture(params=TABLE_FORMATS)
def table_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path, table_format: str) -> UPath:
    root = UPath(tmp_path / "tables")
    put(root, "2025-12-31", "2026-02-01", tiny_rows(a="2026-01-05"), table_format=table_format)
    put(root, "2026-02-01", "2026-03-05", tiny_rows(b="2026-02-05"), table_format=table_format)
    return root


def run(root: UPath, *arguments: str) -> int:
    return main(["--tables-path", str(root), "watermark", *arguments, "--yes"])


def watermark(root: UPath, table_format: str) -> Watermark:
    found = open_tables(root, table_format).watermark(KEY)
    assert found is not None
    return found


def test_set_back_it_lets_a_sync_read_again(root: UPath, table_format: str) -> None:
    assert run(root, "set", "2026-02-01T01:00:00+01:00") == 0
    moved = watermark(root, table_format)
    assert (moved.position, moved.environment) == (moment("2026-02-01"), "test")
    assert (moved.previous_position, moved.began_at) == (moment("2026-03-05"), moment("2025-12-31"))
    again = tiny_rows(b="2026-02-05", c="2026-02-06")
    assert put(root, "2026-02-01", "2026-03-05", again, table_format=table_format).rows_already_there == 1
    assert numbers(root) == ["a", "b", "c"]
    assert watermark(root, table_format).began_at == moment("2025-12-31")


def test_set_before_the_first_run_it_lets_the_table_begin_earlier(root: UPath, table_format: str) -> None:
    assert run(root, "set", moment("2025-11-01")) == 0
    assert watermark(root, table_format).began_at == moment("2025-11-01")
    assert complete_months(root) == []


def test_set_forward_it_leaves_a_gap_that_is_told(root: UPath, table_format: str) -> None:
    assert complete_months(root) == ["2026-01", "2026-02"]
    assert run(root, "set", "2026-04-01") == 0
    moved = watermark(root, table_format)
    assert moved.position == moved.began_at == "2026-03-31T22:00:00.0000000+00:00", "midnight in Poland"
    assert complete_months(root) == []
    put(root, moved.position, "2026-05-03", tiny_rows(d="2026-04-05"), table_format=table_format)
    assert complete_months(root) == ["2026-04"]


def test_reset_it_lets_a_sync_begin_anywhere(root: UPath, table_format: str) -> None:
    assert run(root, "reset") == 0
    assert run(root, "reset") == 0
    assert open_tables(root, table_format).watermark(KEY) is None
    assert complete_months(root) == []
    if table_format == "delta":
        DeltaTable(str(root / "invoices")).create_checkpoint()
        assert open_tables(root, table_format).watermark(KEY) is None
    put(
        root, "2026-01-03", "2026-03-07", tiny_rows(a="2026-01-05", z="2026-03-06"), table_format=table_format
    )
    begun = watermark(root, table_format)
    assert (begun.position, begun.began_at) == (moment("2026-03-07"), moment("2026-01-03"))
    assert begun.previous_position is None
    assert numbers(root) == ["a", "b", "z"]


def test_another_part_keeps_its_watermark(root: UPath, table_format: str) -> None:
    other = replace(KEY, subject_type="Subject1")
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), key=other, table_format=table_format)
    set_watermark(root, KEY, None, owner="test")
    kept = open_tables(root, table_format).watermark(other)
    assert kept is not None
    assert (kept.position, kept.began_at) == (moment("2026-02-01"), moment("2026-01-01"))


@pytest.mark.parametrize(
    "position", ["2019-01-01T00:00:00Z", "2999-04-01", "soon", "2026-01-01T00:00:00", ""]
)
def test_what_can_be_no_position_is_refused(
    root: UPath, table_format: str, position: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = watermark(root, table_format)
    assert run(root, "set", position) == 2
    assert "position" in capsys.readouterr().err
    with pytest.raises(KsefInputError, match="position"):
        set_watermark(root, KEY, position, owner="test")
    assert watermark(root, table_format) == before


def test_tables_that_nobody_began_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KsefTableError, match="no environment"):
        set_watermark(UPath(tmp_path), KEY, "2026-01-01", owner="test")


def moved_to(position: str, seen: list[Watermark | None]) -> Callable[[Watermark | None], Watermark]:
    def move(old: Watermark | None) -> Watermark:
        seen.append(old)
        return Watermark(moment(position), "test", 1, began_at=moment("2025-12-31"))

    return move


def test_who_slept_while_another_moved_it_moves_nothing(root: UPath, table_format: str) -> None:
    slow = STEPS[table_format](root, KEY, moved_to("2026-01-10", []), owner="slow", clock=lambda: 0.0)
    while "read" not in str(next(slow)):
        pass
    set_watermark(root, KEY, "2026-02-20", owner="fast")
    after = watermark(root, table_format)
    with pytest.raises(KsefLeaseError):
        list(slow)
    assert watermark(root, table_format) == after


def test_a_commit_to_another_part_meanwhile_is_no_obstacle_to_delta(tmp_path: Path) -> None:
    root, seen = UPath(tmp_path / "tables"), list[Watermark | None]()
    put(root, "2025-12-31", "2026-03-05", tiny_rows(a="2026-01-05"), table_format="delta")
    moving = move_delta_steps(root, KEY, moved_to("2026-01-10", seen), owner="test")
    while next(moving) != "delta: read the snapshot":
        pass
    other = replace(KEY, subject_type="Subject1")
    put(root, "2026-01-01", "2026-02-01", tiny_rows(s="2026-01-06"), key=other, table_format="delta")
    list(moving)
    assert len(seen) == 2, "the log had grown, so the watermark was read again"
    assert watermark(root, "delta").position == moment("2026-01-10")
    assert numbers(root) == ["a", "s"]
