"""Every element of the official schemas' lines and tax sums lands in its column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lxml import etree

from airflow_provider_ksef.tables.document_rows import DocumentTables, read_documents
from airflow_provider_ksef.tables.line_columns import ELEMENTS
from airflow_provider_ksef.tables.vat_columns import RATE_GROUPS
from tests.official import SHARED_KSEF
from tests.unit.tables.document_packages import fa, package

XSD = "{http://www.w3.org/2001/XMLSchema}"
FORMS = {
    "FA(2)": ("fa/schemat_FA(2)_v1-0E.xsd", "Fa", "FaWiersz", b"ksef.fa"),
    "FA(3)": ("fa/schemat_FA(3)_v1-0E.xsd", "Fa", "FaWiersz", b"ksef.fa"),
    "FA_RR": ("rr/schemat_FA_RR(1)_v1-1E.xsd", "FakturaRR", "FakturaRRWiersz", b"ksef.fa_rr"),
}
TYPES: dict[str, tuple[pa.DataType, str, Any]] = {
    "tns:TKwotowy": (pa.decimal128(18, 2), "-1234567890123456.78", Decimal("-1234567890123456.78")),
    "tns:TKwotowy2": (pa.decimal128(22, 8), "12345678901234.12345678", Decimal("12345678901234.12345678")),
    "tns:TIlosci": (pa.decimal128(22, 6), "1234567890123456.123456", Decimal("1234567890123456.123456")),
    "tns:TDataT": (pa.date32(), "2026-02-28", date(2026, 2, 28)),
    "tns:TNaturalny": (pa.int64(), "12345678901234", 12345678901234),
    "etd:TWybor1": (pa.bool_(), "1", True),
}
TEXT = (pa.string(), " Zażółć &lt;gęślą&gt; ", "Zażółć <gęślą>")
pytestmark = pytest.mark.skipif(not SHARED_KSEF.exists(), reason="KSeF's official schemas are not here")


def elements(schema: str, parent: str) -> Iterator[tuple[str, str]]:
    """Give name and type of the elements within another one."""
    tree = etree.parse(SHARED_KSEF / "xsd" / schema)
    found = next(each for each in tree.iter(f"{XSD}element") if each.get("name") == parent)
    for element in found.iter(f"{XSD}element"):
        if element is not found:
            yield element.get("name"), element.get("type") or ""


def read(xml: bytes) -> DocumentTables:
    return read_documents(package(xml).invoices, [xml])


@pytest.mark.parametrize("form", FORMS)
def test_every_element_of_a_line_has_a_column_of_its_type(form: str) -> None:
    schema, inner, line, key = FORMS[form]
    columns = {field.metadata[key].decode(): field for field in ELEMENTS if key in field.metadata}
    found = dict(elements(schema, line))
    assert found.keys() == columns.keys()
    texts = {}
    for name, kind in found.items():
        arrow, text, value = TYPES.get(kind, TEXT)
        assert columns[name].type == arrow, name
        texts[name] = (text, columns[name].name, value)
    body = "".join(f"<{name}>{text}</{name}>" for name, (text, _, _) in texts.items())
    namespace = etree.parse(SHARED_KSEF / "xsd" / schema).getroot().get("targetNamespace")
    [row] = read(fa(f"<{line}>{body}</{line}>", namespace, inner)).lines.to_pylist()
    assert {name: row[name] for _, name, _ in texts.values()} == {
        name: value for _, name, value in texts.values()
    }
    assert row["extra"] is None


@pytest.mark.parametrize("form", ["FA(2)", "FA(3)"])
def test_every_tax_sum_of_fa_has_its_row_and_column(form: str) -> None:
    schema, *_ = FORMS[form]
    names = [name for name, _ in elements(schema, "Fa") if name.startswith(("P_13_", "P_14_"))]
    assert len(names) > 20
    amounts = {name: Decimal(place) / 100 for place, name in enumerate(names, start=1)}
    body = "".join(f"<{name}>{amount}</{name}>" for name, amount in amounts.items())
    rows = {row["rate_group"]: row for row in read(fa(body)).vat_summary.to_pylist()}
    assert rows.keys() == {name.removeprefix("P_13_") for name in names if name.startswith("P_13_")}
    for group, row in rows.items():
        assert row["net_amount"] == amounts[f"P_13_{group}"]
        assert row["vat_amount"] == amounts.get(f"P_14_{group}")
        assert row["vat_amount_pln"] == amounts.get(f"P_14_{group}W")
        assert row["net_amount_pln"] is None
        assert row["rate_group_name"] == RATE_GROUPS[group]


SAMPLES = {
    "invoice-template-fa-2.xml": "FaWiersz",
    "invoice-template-fa-3.xml": "FaWiersz",
    "invoice-template-fa-3-with-attachment.xml": "FaWiersz",
    "invoice-template-fa-3-with-custom-Subject2.xml": "FaWiersz",
    "invoice-template-fa-3-with-custom-Subject3.xml": "FaWiersz",
    "invoice-template-fa-3-with-multiple-Subject3.xml": "FaWiersz",
    "invoice-template-fa-rr-1.xml": "FakturaRRWiersz",
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_official_samples_are_read(sample: str) -> None:
    xml = (SHARED_KSEF / "samples" / sample).read_bytes()
    tables = read(xml)
    [document] = tables.documents.to_pylist()
    assert document["parse_error"] is None
    lines = [e for e in etree.fromstring(xml).iter() if etree.QName(e).localname == SAMPLES[sample]]
    assert document["line_count"] == len(lines) == tables.lines.num_rows > 0
    key = b"ksef.fa_rr" if "rr" in sample else b"ksef.fa"
    columns = {field.metadata[key].decode(): field for field in ELEMENTS if key in field.metadata}
    for element, row in zip(lines, tables.lines.to_pylist(), strict=True):
        for child in element:
            field = columns[etree.QName(child).localname]
            expected = pa.scalar(child.text).cast(field.type).as_py()
            assert row[field.name] == expected, child.tag
    assert tables.vat_summary.num_rows > 0


def test_a_pef_document_is_kept_without_lines_and_without_error() -> None:
    xml = Path(SHARED_KSEF / "samples" / "invoice-template-fa-3-pef.xml").read_bytes()
    tables = read(xml)
    [document] = tables.documents.to_pylist()
    assert (document["xml"], document["parse_error"], document["line_count"]) == (xml, None, None)
    assert tables.lines.num_rows == tables.vat_summary.num_rows == 0
