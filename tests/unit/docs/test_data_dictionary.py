"""The data dictionary in the documentation is the one that the schemas give."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_ksef.tables.dictionary import data_dictionary
from airflow_provider_ksef.tables.schema import EVERY_TABLE

WRITTEN = Path(__file__).resolve().parents[3] / "docs" / "data-dictionary.md"
REMEDY = "python -m airflow_provider_ksef.tables.dictionary > docs/data-dictionary.md"


def test_the_data_dictionary_is_up_to_date() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == data_dictionary(), f"It is stale; run: {REMEDY}"


def test_every_column_is_in_it_with_its_description() -> None:
    sections = data_dictionary().split("\n## ")[1:]
    assert [section.split("\n", 1)[0] for section in sections] == list(EVERY_TABLE)
    for section, schema in zip(sections, EVERY_TABLE.values(), strict=True):
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        for field in schema:
            description = field.metadata[b"description"].decode()
            assert any(row.startswith(f"| `{field.name}` ") and description in row for row in rows)


def test_members_of_structs_are_in_it() -> None:
    assert "### invoices.third_subjects" in data_dictionary()
    assert "| `role` | integer | Role by KSeF's number" in data_dictionary()
