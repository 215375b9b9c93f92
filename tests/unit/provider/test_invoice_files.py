"""Which files a user's words mean, and which are refused before anything is sent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.client.checks import share
from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import InvoicePath, find_invoices
from airflow_provider_ksef.client.invoice_limits import DEFAULT_LIMITS
from airflow_provider_ksef.exceptions import KsefInputError


def check_invoices(invoices: list[InvoicePath]) -> CheckReport:
    report = check_files(invoices, CheckRules())
    report.require_valid()
    return report


INVOICE = b"<Faktura xmlns='x'><Fa/></Faktura>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.xml", "a.xml", "C.XML", "notes.txt"):
        (tmp_path / name).write_bytes(INVOICE)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.xml").write_bytes(INVOICE)
    return tmp_path


def names(*given: Path | str) -> list[str]:
    return [invoice.entry_name for invoice in find_invoices([UPath(name) for name in given])]


def test_a_folder_means_its_xml_files_in_order(folder: Path) -> None:
    assert names(folder) == ["C.XML", "a.xml", "b.xml"]


def test_a_pattern_means_what_it_matches(folder: Path) -> None:
    assert names(folder / "?.xml") == ["a.xml", "b.xml"]
    assert len(names(f"{folder}/**/*.xml")) == 3


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "out[2026]"
    folder.mkdir()
    (folder / "faktura[1].xml").write_bytes(INVOICE)
    for named in (folder / "faktura[1].xml", folder, folder / "*.xml"):
        assert names(named) == ["faktura[1].xml"]


def test_a_file_named_twice_is_sent_once(folder: Path) -> None:
    assert names(folder / "a.xml", folder / "*.xml") == ["a.xml", "b.xml"]


def test_a_file_named_in_two_ways_is_sent_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(folder / "a.xml", f"file://{folder}/a.xml", "a.xml", folder / "old" / ".." / "a.xml") == [
        "a.xml"
    ]


def test_a_folder_that_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so the refusal of the system is played."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for named in (folder, folder / "*.xml"):
        with pytest.raises(KsefInputError, match="permission denied") as refused:
            find_invoices([UPath(named)])
        assert str(named) in str(refused.value)


def test_a_failure_that_may_pass_is_no_bad_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_invoices([UPath(folder)])

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(share, "FileIO", fail)
    with pytest.raises(OSError, match="Input/output error") as failed:
        check_invoices(found)
    assert not isinstance(failed.value, KsefInputError)


def test_equal_names_of_two_folders_stay_apart(folder: Path) -> None:
    assert names(folder / "a.xml", folder / "old") == ["00001-a.xml", "00002-a.xml"]


def test_a_number_before_a_name_takes_no_other_file_s_name(folder: Path) -> None:
    for place, name in (("new", "00002-a.xml"), ("newer", "00003-00002-a.xml")):
        (folder / place).mkdir()
        (folder / place / name).write_bytes(INVOICE)
    given = names(folder / "a.xml", folder / "old", folder / "new", folder / "newer")
    assert given == ["00001-a.xml", "00002-a.xml", "00003-00002-a.xml", "00004-00003-00002-a.xml"]


@pytest.mark.parametrize("target", ["/mnt/gone/d.xml", "d.xml"])
def test_a_link_that_leads_nowhere_is_no_invoice_less(folder: Path, target: str) -> None:
    (folder / "d.xml").symlink_to(target)
    for named in (folder, folder / "*.xml"):
        with pytest.raises(KsefInputError, match=r"d\.xml: cannot be read"):
            check_invoices(find_invoices([UPath(named)]))


def test_a_link_to_a_file_is_followed_and_one_to_a_folder_left_out(folder: Path) -> None:
    (folder / "link.xml").symlink_to(folder / "notes.txt")
    (folder / "more.xml").symlink_to(folder / "old")
    assert names(folder) == ["C.XML", "a.xml", "b.xml", "link.xml"]


def test_a_name_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / os.fsdecode(b"fv-\xb3.xml")).write_bytes(INVOICE)
    with pytest.raises(KsefInputError, match=r"fv-\\+udcb3\.xml'?: is a name that is not UTF-8"):
        names(folder)


def test_a_long_name_is_cut_to_what_ksef_keeps(tmp_path: Path) -> None:
    (tmp_path / ("x" * 200 + ".xml")).write_bytes(INVOICE)
    (name,) = names(tmp_path)
    assert len(name) == 128
    assert name.endswith(".xml")


@pytest.mark.parametrize("missing", ["none.xml", "*.pdf", "empty"])
def test_a_name_that_matches_nothing_is_refused(folder: Path, missing: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(KsefInputError, match="no file matches") as refused:
        find_invoices([UPath(folder / "a.xml"), UPath(folder / missing)])
    assert missing in str(refused.value)


def test_nothing_named_is_refused() -> None:
    with pytest.raises(KsefInputError, match="no file matches"):
        find_invoices([])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"{}", "not well-formed XML"),
        (b"<Faktura><Fa></Faktura>", "not well-formed XML"),
        (b"<Faktura>" + b" " * DEFAULT_LIMITS.max_size + b"</Faktura>", "1,000,000 without an attachment"),
        (b"<Faktura><Zalacznik/>" + b" " * DEFAULT_LIMITS.largest + b"</Faktura>", "3,000,000"),
    ],
)
def test_a_file_that_ksef_would_refuse_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "good.xml").write_bytes(INVOICE)
    (tmp_path / "bad.xml").write_bytes(content)
    with pytest.raises(KsefInputError, match="1 of 2 files") as refused:
        check_invoices(find_invoices([UPath(tmp_path)]))
    assert "bad.xml" in str(refused.value)
    assert words in str(refused.value)
    assert "Nothing was sent" in str(refused.value)


def test_an_invoice_with_an_attachment_may_be_larger(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(
        b"<Faktura><Zalacznik/>" + b" " * DEFAULT_LIMITS.max_size + b"</Faktura>"
    )
    assert len(check_invoices(find_invoices([UPath(tmp_path)])).files) == 1


def test_an_entity_is_not_expanded(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><Faktura>' + b"&b;" * 1000 + b"</Faktura>"
    (tmp_path / "bomb.xml").write_bytes(bomb)
    with pytest.raises(KsefInputError, match="amplification"):
        check_invoices(find_invoices([UPath(tmp_path)]))


def test_the_digest_tells_other_files_apart(folder: Path) -> None:
    before = check_invoices(find_invoices([UPath(folder)])).digest
    assert check_invoices(find_invoices([UPath(folder)])).digest == before
    (folder / "a.xml").write_bytes(INVOICE + b" ")
    assert check_invoices(find_invoices([UPath(folder)])).digest != before
