"""The command line lists snapshots for auditors, and deletes old ones."""

from __future__ import annotations

import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.tables.audit_snapshots import keep_snapshot, snapshot_dates
from tests.unit.tables.audit_told import CONTEXT, MONDAY, TOLD
from tests.unit.tables.console_tables import answered, run

OTHER = "nip-7980332920"
DAYS = [date(2026, 11, 23), date(2026, 11, 30), date(2026, 12, 7)]


@pytest.fixture
def audited(tmp_path: Path) -> UPath:
    root = UPath(tmp_path / "tables")
    for week in range(3):
        for context, table in ((CONTEXT, "tokens"), (CONTEXT, "limits"), (OTHER, "tokens")):
            moment = MONDAY + timedelta(days=7 * week)
            keep_snapshot(root, context, table, TOLD[table], taken_at=moment, environment="test")
    return root


def days(root: UPath) -> list[list[date]]:
    return [
        snapshot_dates(root, context, table)
        for context, table in ((CONTEXT, "tokens"), (CONTEXT, "limits"), (OTHER, "tokens"))
    ]


def test_it_lists_them(audited: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, audited, "snapshots", "--context", OTHER)
    assert found == [{"context": OTHER, "table": "tokens", "snapshot_dates": list(map(str, DAYS))}]
    assert run(audited, "snapshots") == 0
    assert f"{CONTEXT} limits              3 of 2026-11-23 to 2026-12-07" in capsys.readouterr().out


def test_it_deletes_what_is_older_than_a_day(audited: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    older = ("snapshots", "--before", "2026-11-30", "--context", CONTEXT)
    assert run(audited, *older, "--dry-run") == 0
    assert days(audited) == [DAYS, DAYS, DAYS]
    assert run(audited, *older, "--yes") == 0
    assert days(audited) == [DAYS[1:], DAYS[1:], DAYS]
    assert "Deleted:" in capsys.readouterr().out
    assert run(audited, *older, "--yes") == 0
    assert "None." in capsys.readouterr().out


def test_it_asks_first(
    audited: UPath, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert run(audited, "snapshots", "--before", "2027-01-01") == 2
    assert "Delete these snapshots for good?" in capsys.readouterr().err
    assert days(audited) == [DAYS, DAYS, DAYS]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--context", "nip-1111111111"), "no such snapshots"), (("--before", "2026"), "is no date")],
)
def test_what_is_wrong_is_told(
    audited: UPath, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert run(audited, "snapshots", *arguments) == 2
    assert told in capsys.readouterr().err
