"""Copies of files that the checks have found wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
from upath import UPath

from airflow_provider_ksef.client.checks.report import CheckReport, Problem
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.client.session_invoices import read_invoice
from airflow_provider_ksef.operators.rejected_files import find_rejected, keep_invalid
from tests.unit.client.test_answers import item


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_sent(tmp_path: Path) -> None:
    wrong, gone = tmp_path / "wrong.xml", tmp_path / "gone.xml"
    wrong.write_bytes(b"<cut")
    report = CheckReport((), tuple(Problem(str(path), 1, "rule", "is wrong", "") for path in (gone, wrong)))
    keep_invalid(
        UPath(tmp_path / "kept"), report, [InvoicePath(path.name, UPath(path)) for path in (gone, wrong)]
    )
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "wrong.xml",
        "wrong.xml.reasons.json",
    ]


def test_a_file_that_is_gone_does_not_hide_the_rejected_one_behind_it(tmp_path: Path) -> None:
    (tmp_path / "gone.xml").symlink_to("/nowhere/gone.xml")
    (tmp_path / "wrong.xml").write_bytes(b"<x/>")
    found = [InvoicePath(name, UPath(tmp_path / name)) for name in ("gone.xml", "wrong.xml")]
    rejected = item(1, code=450, invoiceHash=sha256_base64(b"<x/>"))
    files = find_rejected([read_invoice(msgspec.Raw(msgspec.json.encode(rejected)))], lambda: found)
    assert [file.entry_name for file in files.values()] == ["wrong.xml"]
