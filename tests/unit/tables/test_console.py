"""The command line shows tables and keeps them in order."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_ksef.tables.console import main
from airflow_provider_ksef.tables.layout import lease_folder
from airflow_provider_ksef.tables.lease import current_holder
from airflow_provider_ksef.tables.reading import read
from airflow_provider_ksef.tables.retention import read_retention, retention_folder
from airflow_provider_ksef.tables.storage import open_store
from airflow_provider_ksef.tables.table_format import format_of
from airflow_provider_ksef.tables.verified import withdraw_verified
from airflow_provider_ksef.tables.watermark import read_watermark
from tests.unit.tables.console_tables import (
    PARTNER,
    WHERE,
    answered,
    either,
    invoices,
    root,
    run,
    watermark_of,
)
from tests.unit.tables.test_commit import hold_lease
from tests.unit.tables.tiny import KEY, moment, numbers, put, tiny_rows

__all__ = ["either", "root"]


def test_it_shows_what_is_there(either: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    root = either
    found = answered(capsys, root, "show")
    assert (found["table_format"], found["environment"]) == (format_of(root), "test")
    [part] = found["parts"]
    assert part["watermark"]["position"] == moment("2026-03-05")
    assert part["complete_months"] == ["2026-01", "2026-02"]
    assert part["lease"] is None
    counted = {table["table"]: (table["rows"], table["files"], table["months"]) for table in part["tables"]}
    months = ["2026-01", "2026-02"]
    assert counted == {"invoices": (4, 2, months), "invoice_documents": (4, 2, months)}
    hold_lease(root, "dag/run/task/-1", 60)
    assert run(root, "show") == 0
    text = capsys.readouterr().out
    assert "dag/run/task/-1 until" in text
    assert "2026-01 ... 2026-02 (2 months)" in text


def test_it_shows_months_that_retention_cut_and_those_found_different(
    root: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, "retention", "--before", "2026-01-20", "--yes") == 0
    capsys.readouterr()
    [part] = answered(capsys, root, "show")["parts"]
    assert (part["complete_months"], part["deleted_months"]) == (["2026-02"], ["2026-01"])
    span = (moment("2026-02-03"), moment("2026-02-04"))
    withdraw_verified(root, KEY, *span)
    [part] = answered(capsys, root, "show")["parts"]
    assert (part["complete_months"], part["different"]) == ([], [list(span)])
    assert run(root, "retention", "--nip", PARTNER, "--yes") == 0
    assert run(root, "show") == 0
    text = capsys.readouterr().out
    assert "deleted     2026-01, by retention" in text
    assert f"different   {span[0]} to {span[1]}" in text
    assert "stored before 2026-01-19T23:00:00.0000000+00:00\n" in text
    assert f"stored before {moment('2026-03-05')} and sold or bought by {PARTNER}\n" in text


def test_it_runs_as_a_module(root: UPath) -> None:
    command = [sys.executable, "-m", "airflow_provider_ksef.tables", "--tables-path", str(root), "show"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "invoice_documents" in done.stdout


def test_it_reads_a_url(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    put(UPath(f"memory://{tmp_path}"), "2026-01-01", "2026-02-01", invoices(("a", PARTNER, "01-05")))
    assert main(["--tables-path", f"memory://{tmp_path}", "show"]) == 0
    assert "1 rows" in capsys.readouterr().out


def test_a_folder_without_tables_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tables-path", str(tmp_path), "show"]) == 2
    told = capsys.readouterr().err
    assert "holds no such tables" in told
    assert "listed by 'snapshots'" in told
    (tmp_path / "holiday.jpg").write_text("")
    assert main(["--tables-path", str(tmp_path), "show"]) == 2
    assert "something else" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["s3x://bucket/ksef", "s3://bucket/ksef --storage-option endpoint_url=http://127.0.0.1:9"]
)
def test_a_place_that_cannot_be_opened_is_told_in_a_line(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["--tables-path", *url.split(), "show"]) == 2
    told = capsys.readouterr().err
    assert "cannot be opened" in told
    assert told.count("\n") == 1


def test_a_user_without_a_name_may_use_it(root: UPath, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(uid: int) -> None:
        raise KeyError(uid)

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert run(root, "watermark", "set", moment("2026-02-01"), "--yes") == 0
    holder = current_holder(open_store(root), KEY)
    assert holder is not None
    assert holder.owner.startswith(f"console/{os.getuid()}/")


def test_it_compacts(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, "2026-01-01", "2026-02-01", invoices(("n", PARTNER, "01-21")), moves_watermark=False)
    assert run(root, "compact", "--dry-run") == 0
    told = capsys.readouterr().out
    assert told == "nip-5250001210 Subject2 invoices 2026-01: 2 files would become 1, 3 rows.\n"
    done = answered(capsys, root, "compact", *WHERE)
    assert done["nip-5250001210 Subject2"][0]["files_after"] == 1
    assert run(root, "compact") == 0
    assert capsys.readouterr().out == "Nothing to merge.\n"
    assert run(root, "compact", "--keep-open-months", "-1") == 2


def test_it_deletes_a_counterparty_and_lets_it_come_again(
    either: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, table_format = either, format_of(either)
    before = watermark_of(root)
    counted = answered(capsys, root, "retention", "--nip", PARTNER, "--dry-run")
    assert counted["nip-5250001210 Subject2"]["invoices"] == 2
    assert counted["nip-5250001210 Subject2"]["invoice_documents"] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(root, "retention", "--nip", PARTNER) == 2
    assert "nip-5250001210 Subject2: 2 invoices, 2 documents\n" in capsys.readouterr().err
    assert numbers(root) == ["a", "b", "c", "d"]
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert run(root, "retention", "--nip", PARTNER) == 0
    assert numbers(root) == ["a", "d"]
    assert sorted(read("invoice_documents", root)["ksef_number"].to_pylist()) == ["a", "d"]
    assert watermark_of(root) == before
    again = invoices(("b", PARTNER, "01-20"), ("x", "1111111111", "01-21"))
    put(root, "2026-01-01", "2026-02-01", again, moves_watermark=False, table_format=table_format)
    put(root, "2026-03-05", "2026-03-20", invoices(("new", PARTNER, "03-10")), table_format=table_format)
    assert numbers(root) == ["a", "d", "new", "x"]
    capsys.readouterr()
    assert not any(finding["is_wrong"] for finding in answered(capsys, root, "verify"))


def test_it_deletes_whole_months(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "retention", "--before", "2026-02-11", "--yes") == 0
    assert "invoices: 3 rows deleted" in capsys.readouterr().out
    assert numbers(root) == ["d"]
    folder = f"invoices/context={KEY.context}/subject_type={KEY.subject_type}"
    assert open_store(root).names(folder) == ["month=2026-02"]
    assert run(root, "retention", "--yes") == 2
    assert run(root, "retention", "--before", "2999-01-01", "--yes") == 2
    assert run(root, "retention", "--before", "x", "--yes") == 2
    assert run(root, "retention", "--nip", "12", "--yes") == 2
    own = KEY.context.removeprefix("nip-")
    assert run(root, "retention", "--nip", own, "--yes") == 2
    assert f"is on all invoices of {KEY.context}" in capsys.readouterr().err
    assert len(read_retention(root, KEY)) == 1
    assert numbers(root) == ["d"]


def test_what_retention_asks_names_each_part(
    root: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), key=type(KEY)(KEY.context, "Subject1"))
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run(root, "retention", "--before", "2026-02-11") == 2
    asked = capsys.readouterr().err
    assert "nip-5250001210 Subject1: nothing that is there now\n" in asked
    assert "nip-5250001210 Subject2: 3 invoices, 3 documents\n" in asked


def test_a_rule_is_noted_though_an_earlier_one_was_removed(root: UPath) -> None:
    for nip in ("1111111111", "2222222222"):
        assert run(root, "retention", "--nip", nip, "--yes") == 0
    (root / retention_folder(KEY) / "1.json").unlink()
    assert run(root, "retention", "--nip", PARTNER, "--yes") == 0
    assert [rule.nip for rule in read_retention(root, KEY)] == ["2222222222", PARTNER]
    put(root, "2026-01-01", "2026-02-01", invoices(("b", PARTNER, "01-20")), moves_watermark=False)
    assert numbers(root) == []


def test_it_asks_before_it_changes_a_watermark(
    root: UPath, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_watermark(root, KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(root, "watermark", "reset") == 2
    assert read_watermark(root, KEY) == before
    assert "Nothing was changed" in capsys.readouterr().err


def test_it_breaks_a_lease(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    hold_lease(root, "dag/dead/task/-1", 600, ("invoices/announced.parquet",))
    assert answered(capsys, root, "lease", "break", "--yes") == {"owner": "dag/dead/task/-1"}
    record = msgspec.json.decode(open_store(root).read(f"{lease_folder(KEY)}/5") or b"")
    assert record["announced"] == ["invoices/announced.parquet"]
    put(root, "2026-03-05", "2026-03-06", tiny_rows())
    assert run(root, "lease", "break", "--yes") == 0
    assert "nobody holds" in capsys.readouterr().out


def test_what_changes_one_part_asks_which(root: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    put(root, "2026-01-01", "2026-02-01", tiny_rows(), key=type(KEY)(KEY.context, "Subject1"))
    assert run(root, "lease", "break", "--yes") == 2
    assert "--subject-type" in capsys.readouterr().err
    assert run(root, "lease", "break", "--yes", *WHERE) == 0
