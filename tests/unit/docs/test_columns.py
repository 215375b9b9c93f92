"""The documentation names the columns that the tables have."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_ksef.tables.schema import INVOICES

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_every_column_is_documented_with_its_description() -> None:
    documented = [
        line.split(" | ")
        for line in (DOCS / "receiving.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    columns = {row[0].strip("|` "): row[2].rstrip(" |") for row in documented}
    for field in INVOICES:
        assert columns[field.name] == field.metadata[b"description"].decode()
