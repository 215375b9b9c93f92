"""Invoices are checked before anything is sent, and nothing wrong is sent unnoticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError
from airflow_provider_ksef.operators.batch_sending import BatchSender
from tests.emulator_process import EmulatorProcess
from tests.official import SHARED_KSEF
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context
from tests.system.submit_ways import operator

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    """Four right invoices, and three that are wrong in ways of their own."""
    folder = sample_invoices(tmp_path / "outgoing", count=COUNT)
    right = (folder / "FV-0001.xml").read_bytes()
    (folder / "bom.xml").write_bytes(b"\xef\xbb\xbf" + right)
    (folder / "copy.xml").write_bytes(right)
    (folder / "cut.xml").write_bytes(right[:-20])
    return folder


def test_one_wrong_file_stops_all_and_the_report_tells_of_each(
    connected: EmulatorProcess, invoices: Path
) -> None:
    given = context()
    with pytest.raises(KsefInputError, match="3 of 7 files"):
        operator(invoices).execute(given)
    report = given["ti"].pushed["check_report"]
    assert (report["valid"], report["invalid"]) == (COUNT, 3)
    assert {Path(each["file"]).name for each in report["problems"]} == {"bom.xml", "copy.xml", "cut.xml"}
    assert connected.requests() == {}


def test_wrong_files_are_left_out_and_kept_with_their_problems(
    connected: EmulatorProcess, invoices: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "rejected"
    given = context()
    result = operator(invoices, on_invalid="skip", rejected_path=str(kept)).execute(given)
    assert (result["invoice_count"], result["accepted"]) == (COUNT, COUNT)
    assert given["ti"].pushed["check_report"]["invalid"] == 3
    assert sorted(path.name for path in kept.glob("*.xml")) == ["bom.xml", "copy.xml", "cut.xml"]
    reasons = json.loads((kept / "bom.xml.reasons.json").read_text())
    assert (reasons["sent"], len(reasons["problems"])) == (False, 1)
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT


def test_a_file_that_changes_after_its_check_is_not_sent_though_it_keeps_its_size(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sample_invoices(tmp_path / "out", count=2)
    file, key = folder / "FV-0001.xml", BatchSender._key

    def change_first(*given: Any) -> Any:
        file.write_bytes(file.read_bytes().replace(b"</Faktura>", b"</Foktura>"))
        return key(*given)

    monkeypatch.setattr(BatchSender, "_key", change_first)
    with pytest.raises(KsefIntegrityError, match=r"FV-0001\.xml changed after it was checked"):
        operator(folder).execute(context())
    assert "POST /sessions/batch" not in connected.requests()


def test_a_file_that_is_gone_after_its_check_is_told_by_name(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, key = sample_invoices(tmp_path / "out", count=2), BatchSender._key

    def move_first(*given: Any) -> Any:
        (folder / "FV-0001.xml").rename(tmp_path / "archived.xml")
        return key(*given)

    monkeypatch.setattr(BatchSender, "_key", move_first)
    with pytest.raises(KsefIntegrityError, match=r"FV-0001\.xml changed after it was checked"):
        operator(folder).execute(context())


def test_where_no_file_is_right_nothing_is_sent(connected: EmulatorProcess, tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_bytes(b"<Faktura/>")
    with pytest.raises(KsefInputError, match=r"form\.other"):
        operator(tmp_path, on_invalid="skip").execute(context())
    assert connected.requests() == {}


def test_a_dry_run_checks_and_sends_nothing(connected: EmulatorProcess, invoices: Path) -> None:
    report = operator(invoices, dry_run=True, on_invalid="skip").execute(context())
    assert (report["dry_run"], report["valid"], report["invalid"], report["session_count"]) == (
        True,
        COUNT,
        3,
        1,
    )
    assert connected.requests() == {}


def test_a_dry_run_fails_where_the_real_one_would(connected: EmulatorProcess, invoices: Path) -> None:
    given = context()
    with pytest.raises(KsefInputError, match="3 of 7 files"):
        operator(invoices, dry_run=True).execute(given)
    assert given["ti"].pushed["check_report"]["dry_run"]
    assert connected.requests() == {}


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"rejected_path": "{folder}"}, "rejected_path=.* is a folder that invoices are sent from"),
        ({"rejected_path": "{folder}/../outgoing/"}, "rejected_path=.* is a folder that invoices are sent"),
        ({"rejected_path": "{folder}/../link"}, "rejected_path=.* is a folder that invoices are sent from"),
        ({"rejected_path": "{folder}/FV-0001.xml"}, r"rejected_path=.*FV-0001\.xml is a file"),
        ({"upo_path": "{folder}/FV-0001.xml/upo"}, r"upo_path=.*FV-0001\.xml is a file"),
        ({"tables_path": "{folder}/FV-0001.xml"}, r"tables_path=.*FV-0001\.xml is a file"),
        ({"tables_path": "{folder}/../t", "offline_conn_id": "ksef_default"}, "offline_conn_id="),
        ({"invoices": "{folder}/cut.xml", "on_invalid": "skip"}, "not well-formed"),
    ],
)
def test_what_could_not_be_kept_or_sent_is_refused_before_anything_is(
    connected: EmulatorProcess, invoices: Path, parameters: dict[str, str], words: str, dry_run: bool
) -> None:
    (invoices.parent / "link").symlink_to(invoices)
    filled = {name: value.format(folder=invoices) for name, value in parameters.items()}
    task = operator(**{"invoices": invoices, "on_invalid": "skip", "dry_run": dry_run, **filled})
    with pytest.raises(KsefInputError, match=words):
        task.execute(context())
    assert connected.requests() == {}


@pytest.mark.skipif(not SHARED_KSEF.is_dir(), reason="the official schemas are not here")
def test_the_official_schema_finds_what_otherwise_ksef_would(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=2, wrong=1)
    with pytest.raises(KsefInputError, match=r"schema\.invalid"):
        operator(folder, schema_dir=str(SHARED_KSEF / "xsd")).execute(context())
    assert connected.requests() == {}


def test_an_unknown_choice_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(KsefInputError, match="on_invalid"):
        operator(Path("x.xml"), on_invalid="ignore")
