"""Copies of files that the checks have found wrong."""

from __future__ import annotations

from pathlib import Path

from upath import UPath

from airflow_provider_ksef.client.checks.report import CheckReport, Problem
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.operators.rejected_files import keep_invalid


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
