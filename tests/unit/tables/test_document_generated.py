"""The emulator's invented invoices, read by us and by another parser."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pytest

from airflow_provider_ksef.emulator.synthetic import synthesize
from airflow_provider_ksef.tables.documents import StagedDocuments, stage_documents
from airflow_provider_ksef.tables.line_columns import ELEMENTS
from tests.unit.tables.document_packages import package, staged_rows

COUNT = 400
COLUMNS = {field.metadata[b"ksef.fa"].decode(): field for field in ELEMENTS if b"ksef.fa" in field.metadata}
FALSE = {field.name: False for field in ELEMENTS if field.type == pa.bool_()}


@pytest.fixture(scope="module")
def xmls() -> list[bytes]:
    return [synthesize("5250001210", "Subject2", index, 11, date(2026, 3, 1)).xml for index in range(COUNT)]


@pytest.fixture(scope="module")
def staged(xmls: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> StagedDocuments:
    made = package(*xmls, permanentStorageDate="2026-03-01T10:00:00Z")
    return stage_documents(made.zip(), made.invoices, tmp_path_factory.mktemp("staged"))


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def body(xml: bytes) -> ET.Element:
    return next(child for child in ET.fromstring(xml) if local(child) == "Fa")


def expected_lines(xml: bytes) -> list[dict[str, Any]]:
    rows = []
    for line in body(xml):
        if local(line) == "FaWiersz":
            row: dict[str, Any] = {field.name: None for field in ELEMENTS} | FALSE
            for element in line:
                field = COLUMNS[local(element)]
                row[field.name] = pa.scalar(element.text).cast(field.type).as_py()
            rows.append(row)
    return rows


def test_every_line_is_there_with_every_value(xmls: list[bytes], staged: StagedDocuments) -> None:
    assert (staged.documents, staged.unreadable) == (COUNT, 0)
    names = [field.name for field in ELEMENTS]
    lines = staged_rows(staged, "invoice_lines")
    found: dict[str, list[dict[str, Any]]] = {}
    for number, row in zip(lines["ksef_number"].to_pylist(), lines.select(names).to_pylist(), strict=True):
        found.setdefault(number, []).append(row)
    expected = {f"N{place}": expected_lines(xml) for place, xml in enumerate(xmls)}
    assert found == {number: rows for number, rows in expected.items() if rows}
    befores = Counter(row["is_before_correction"] for rows in expected.values() for row in rows)
    assert befores[True] > 0


def test_tax_sums_add_up_to_the_document(xmls: list[bytes], staged: StagedDocuments) -> None:
    sums = staged_rows(staged, "invoice_vat_summary")
    totals: Counter[str] = Counter()
    for row in sums.select(["ksef_number", "net_amount", "vat_amount"]).to_pylist():
        totals[row["ksef_number"]] += row["net_amount"] + (row["vat_amount"] or 0)
    for place, xml in enumerate(xmls):
        inside = {local(element): element.text for element in body(xml)}
        amounts = [
            Decimal(text or "")
            for name, text in inside.items()
            if name.startswith(("P_13_", "P_14_")) and not name.endswith("W")
        ]
        assert totals[f"N{place}"] == sum(amounts)
