"""Every rule finds what it is for, and nothing in a right invoice."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import find_invoices
from airflow_provider_ksef.client.invoice_limits import InvoiceLimits
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.emulator.samples import make_samples
from tests.official import SHARED_KSEF
from tests.s3_server import Fault, S3Server

NIP = "5250001210"
DAY = date(2026, 9, 15)
RULES = CheckRules("FA (3)", ContextIdentifier("Nip", NIP), today=DAY)
GOOD = make_samples(NIP, 1, 0, 1, DAY)[0].xml
BODY = GOOD[GOOD.index(b"<Faktura") :]

WRONG = {
    "file.empty": b"",
    "encoding.bom": b"\xef\xbb\xbf" + GOOD,
    "encoding.declared": b'<?xml version="1.0" encoding="ISO-8859-2"?>' + BODY,
    "encoding.not-utf-8": GOOD.replace(b"<P_2>", b"<P_2>\xff"),
    "xml.not-well-formed": GOOD[:-3],
    "xml.version": b'<?xml version="1.1" encoding="UTF-8"?>' + BODY,
    "xml.doctype": b"<!DOCTYPE Faktura>" + BODY,
    "xml.processing-instruction": GOOD + b"<?style x?>",
    "xml.discouraged-character": GOOD.replace(b"<P_2>", b"<P_2>&#x7F;"),
    "file.too-large": GOOD + b" " * 1_000_000,
    "form.other": b"<Faktura/>",
    "form.header": GOOD.replace(b'"FA (3)"', b'"FA (2)"'),
    "invoice.incomplete": GOOD.replace(b"RodzajFaktury", b"Rodzaj"),
    "invoice.other-seller": GOOD.replace(NIP.encode(), b"1111111111"),
    "invoice.issue-date": GOOD.replace(b"<P_1>2026-09-15", b"<P_1>15.09.2026"),
    "invoice.issue-date-in-future": GOOD.replace(b"<P_1>2026-09-15", b"<P_1>2026-09-16"),
}


def check(folder: Path, rules: CheckRules = RULES, processes: int | None = None) -> CheckReport:
    return check_files(find_invoices([UPath(folder)]), rules, processes=processes)


@pytest.mark.parametrize("place", ["local", "memory://own-limits"])
@pytest.mark.parametrize(
    ("size", "attachment", "limits", "told"),
    [
        (1_500_000, b"", InvoiceLimits(2_000_000, source="theirs"), None),
        (1_500_000, b"", InvoiceLimits(1_000_000, 9_000_000, source="theirs"), "at most 1,000,000 without"),
        (4_500_000, b"<Zalacznik/>", InvoiceLimits(1_000_000, 5_000_000, source="theirs"), None),
        (4_500_000, b"<Zalacznik/>", InvoiceLimits(1_000_000, 4_000_000, source="theirs"), "than 4,000,000"),
        (4_500_000, b"<Zalacznik/>", InvoiceLimits(5_000_000, 3_000_000, source="theirs"), None),
        (20_000, b"", InvoiceLimits(0, 0, source="theirs"), "more than 0 bytes"),
        (1_500_000, b"", InvoiceLimits(), "at most 1,000,000 without an attachment (KSeF's default)"),
    ],
)
def test_sizes_are_the_companys(
    tmp_path: Path, place: str, size: int, attachment: bytes, limits: InvoiceLimits, told: str | None
) -> None:
    folder = UPath(tmp_path if place == "local" else place)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.xml").write_bytes((b"<Faktura>" + attachment + b"</Faktura>").ljust(size))
    report = check_files(find_invoices([folder]), CheckRules(limits=limits))
    if told is None:
        assert report.files[0].size == size
        return
    (problem,) = report.problems
    assert problem.rule == "file.too-large"
    assert told in problem.message
    assert f"({limits.source})" in problem.message


@pytest.mark.parametrize("rule", WRONG)
def test_each_rule_finds_its_fault_beside_a_right_file(tmp_path: Path, rule: str) -> None:
    (tmp_path / "a.xml").write_bytes(WRONG[rule])
    (tmp_path / "b.xml").write_bytes(GOOD.replace(b"<P_2>", b"<P_2>other"))
    report = check(tmp_path)
    assert [problem.rule for problem in report.problems] == [rule]
    assert [file.invoice.entry_name for file in report.files] == ["b.xml"]
    assert json.loads(json.dumps(report.to_json()))["invalid"] == 1


def test_the_same_number_twice_is_told_of_the_second_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(GOOD)
    (tmp_path / "b.xml").write_bytes(GOOD.replace(b"<P_2>", b"<P_2> \n"))
    (problem,) = check(tmp_path).problems
    assert (problem.rule, problem.file) == ("invoice.duplicate", str(tmp_path / "b.xml"))


OTHER_TYPE = re.sub(b"<RodzajFaktury>.*?<", b"<RodzajFaktury>UPR<", GOOD)
FUTURE = WRONG["invoice.issue-date-in-future"]
DUPLICATES = {
    "a wrong one does a right one no harm": (
        (FUTURE, GOOD),
        "b",
        {"a": ["in-future", "duplicate"]},
    ),
    "the first right one counts": (
        (FUTURE, GOOD, FUTURE, GOOD),
        "b",
        {"a": ["in-future", "duplicate"], "c": ["in-future", "duplicate"], "d": ["duplicate"]},
    ),
    "of wrong ones the first counts": (
        (FUTURE, FUTURE),
        "",
        {"a": ["in-future"], "b": ["in-future", "duplicate"]},
    ),
    "other types are other invoices": ((GOOD, OTHER_TYPE), "ab", {}),
    "other sellers, other invoices": (
        (GOOD, WRONG["invoice.other-seller"]),
        "a",
        {"b": ["other-seller"]},
    ),
    "what has no number is no duplicate": (
        (WRONG["xml.not-well-formed"], WRONG["xml.not-well-formed"]),
        "",
        {"a": ["not-well-formed"], "b": ["not-well-formed"]},
    ),
}


@pytest.mark.parametrize("case", DUPLICATES)
def test_one_file_of_each_invoice_is_right_if_any_is(tmp_path: Path, case: str) -> None:
    contents, right, wrong = DUPLICATES[case]
    for name, content in zip("abcd", contents, strict=False):
        (tmp_path / name).with_suffix(".xml").write_bytes(content)
    report = check(tmp_path)
    told: dict[str, list[str]] = {}
    for problem in report.problems:
        rule = problem.rule.split(".")[1].removeprefix("issue-date-")
        told.setdefault(Path(problem.file).stem, []).append(rule)
    assert [file.invoice.path.stem for file in report.files] == list(right)
    assert told == wrong


@pytest.mark.parametrize(
    ("written", "rules"),
    [
        (b"2026-09-15", []),
        (b"2026-09-15Z", []),
        (b"2026-09-15+02:00", []),
        (b"20260915", ["invoice.issue-date"]),
        (b"2026-W38-2", ["invoice.issue-date"]),
        (b"2026-09-15T10:00:00", ["invoice.issue-date"]),
    ],
)
def test_a_date_is_written_as_xml_has_it(tmp_path: Path, written: bytes, rules: list[str]) -> None:
    (tmp_path / "a.xml").write_bytes(GOOD.replace(b"<P_1>2026-09-15", b"<P_1>" + written))
    assert [problem.rule for problem in check(tmp_path).problems] == rules


def test_files_of_an_object_store_are_checked_alike(tmp_path: Path, bucket: UPath) -> None:
    for number, content in enumerate([*WRONG.values(), *[GOOD] * 20]):
        (tmp_path / f"{number:02d}.xml").write_bytes(content.replace(b"<P_2>", b"<P_2>%d" % number))
        (bucket / f"{number:02d}.xml").write_bytes((tmp_path / f"{number:02d}.xml").read_bytes())
    stored, local = check_files(find_invoices([bucket]), RULES), check(tmp_path)
    assert (len(stored.files), stored.invalid_count) == (20, len(WRONG))
    assert stored.digest == local.digest
    assert [(Path(each.file).name, each.line, each.rule) for each in stored.problems] == [
        (Path(each.file).name, each.line, each.rule) for each in local.problems
    ]
    assert stored.problems[0].file == f"{bucket}/00.xml"


def test_an_object_that_goes_missing_or_may_not_be_read_is_told(bucket: UPath, s3: S3Server) -> None:
    for name in ("a", "b"):
        (bucket / f"{name}.xml").write_bytes(GOOD)
    found = find_invoices([bucket])
    (bucket / "a.xml").unlink()
    report = check_files(found, RULES)
    assert [(problem.file, problem.rule) for problem in report.problems] == [
        (f"{bucket}/a.xml", "file.unreadable")
    ]
    assert [file.invoice.entry_name for file in report.files] == ["b.xml"]
    s3.order(Fault("403", "b.xml", times=9, method="GET"))
    assert [problem.rule for problem in check_files(found, RULES).problems] == ["file.unreadable"] * 2


@pytest.mark.skipif(not SHARED_KSEF.is_dir(), reason="the official schemas are not beside the checkout")
def test_the_official_schema_judges(tmp_path: Path) -> None:
    rules = CheckRules("FA (3)", schema_dir=UPath(SHARED_KSEF / "xsd"))
    (tmp_path / "a.xml").write_bytes(GOOD)
    (tmp_path / "b.xml").write_bytes(GOOD.replace(b"<P_2>", b"<P_2>other").replace(b"P_15>", b"P_99>"))
    report = check(tmp_path, rules)
    assert {(problem.file, problem.rule) for problem in report.problems} == {
        (str(tmp_path / "b.xml"), "schema.invalid")
    }
    assert all(problem.line for problem in report.problems)


ALLOWED = ["\x85", "\t", "\xa0", "\xad", "\ue000", "\ufdcf", "\ufdf0", "\ufffd", "\U0001f600", "\U00020000"]


@pytest.mark.parametrize(
    "text",
    [*ALLOWED, "&#x85;", "&#128512;", "<![CDATA[&#x7F;]]>", "<![CDATA[&#99999999;]]>", "<!-- &#x7F; -->"],
)
def test_rare_but_allowed_characters_pass(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_bytes(GOOD.replace(b"<P_1M>", b"<P_1M>" + text.encode()))
    assert check(tmp_path).problems == ()


DISCOURAGED = ["\x7f", "\x84", "\x86", "\x9f", "\ufdd0", "\ufdef", "\U0001fffe", "\U0010ffff"]


@pytest.mark.parametrize("character", DISCOURAGED)
@pytest.mark.parametrize("how", ["as itself", "in decimal", "in hexadecimal", "in an attribute"])
def test_a_discouraged_character_is_named(tmp_path: Path, character: str, how: str) -> None:
    written = {
        "as itself": f"<P_1M>{character}",
        "in decimal": f"<P_1M>&#{ord(character)};",
        "in hexadecimal": f"<P_1M>&#x0{ord(character):x};",
        "in an attribute": f"<P_1M a='&#{ord(character)};'>",
    }
    (tmp_path / "a.xml").write_bytes(GOOD.replace(b"<P_1M>", written[how].encode()))
    (problem,) = check(tmp_path).problems
    assert (problem.rule, problem.line) == ("xml.discouraged-character", 2)
    assert f"U+{ord(character):04X}" in problem.message


@pytest.mark.parametrize(("size", "is_right"), [(1_000_000, True), (1_000_001, False)])
def test_an_invoice_may_have_a_megabyte(tmp_path: Path, size: int, is_right: bool) -> None:
    (tmp_path / "a.xml").write_bytes(GOOD.ljust(size))
    assert (not check(tmp_path).problems) is is_right


@pytest.mark.parametrize(("size", "is_right"), [(3_000_000, True), (3_000_001, False)])
def test_one_with_an_attachment_may_have_three(tmp_path: Path, size: int, is_right: bool) -> None:
    (tmp_path / "a.xml").write_bytes(GOOD.replace(b"</Faktura>", b"<Zalacznik/></Faktura>").ljust(size))
    assert (not check(tmp_path).problems) is is_right
