"""Documents of a package become files of three tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_ksef.tables.documents import StagedDocuments, stage_documents
from airflow_provider_ksef.tables.schema import DOCUMENTS, LINES, VAT_SUMMARY
from tests.unit.tables.document_packages import Package, fa, line, package, staged_rows

BODY = "<P_13_1>100.00</P_13_1><P_14_1>23.00</P_14_1>" + line(NrWierszaFa="1", P_7="a", P_11="60")
DOCUMENTS_OF_THREE_DAYS = [
    fa(BODY + line(NrWierszaFa="2", P_7="b", P_11="40.00")),
    fa(BODY),
    fa("<P_13_7>5</P_13_7>" + line(NrWierszaFa="1", P_7="c")),
]


def stage(made: Package, folder: Path, *, as_tar: bool = False) -> StagedDocuments:
    return stage_documents(made.tar() if as_tar else made.zip(), made.invoices, folder)


@pytest.mark.parametrize("as_tar", [False, True])
def test_documents_become_rows_of_three_tables_by_month(tmp_path: Path, as_tar: bool) -> None:
    made = package(*DOCUMENTS_OF_THREE_DAYS)
    staged = stage(made, tmp_path, as_tar=as_tar)
    assert (staged.documents, staged.lines, staged.unreadable) == (3, 4, 0)
    assert sorted((file.table, file.month, file.rows) for file in staged.files) == [
        ("invoice_documents", "2026-03", 2),
        ("invoice_documents", "2026-04", 1),
        ("invoice_lines", "2026-03", 3),
        ("invoice_lines", "2026-04", 1),
        ("invoice_vat_summary", "2026-03", 2),
        ("invoice_vat_summary", "2026-04", 1),
    ]
    stored = staged_rows(staged, "invoice_documents")
    assert stored.schema.equals(DOCUMENTS, check_metadata=True)
    assert stored["xml"].to_pylist() == DOCUMENTS_OF_THREE_DAYS
    assert stored["size"].to_pylist() == [len(xml) for xml in DOCUMENTS_OF_THREE_DAYS]
    assert stored["invoice_hash"].to_pylist() == made.invoices["invoice_hash"].to_pylist()
    assert stored["line_count"].to_pylist() == [2, 1, 1]
    lines = staged_rows(staged, "invoice_lines")
    assert lines.schema.equals(LINES, check_metadata=True)
    assert lines.select(["ksef_number", "line_ordinal", "item_name", "net_amount"]).to_pylist() == [
        {"ksef_number": "N0", "line_ordinal": 1, "item_name": "a", "net_amount": Decimal("60.00")},
        {"ksef_number": "N0", "line_ordinal": 2, "item_name": "b", "net_amount": Decimal("40.00")},
        {"ksef_number": "N1", "line_ordinal": 1, "item_name": "a", "net_amount": Decimal("60.00")},
        {"ksef_number": "N2", "line_ordinal": 1, "item_name": "c", "net_amount": None},
    ]
    sums = staged_rows(staged, "invoice_vat_summary")
    assert sums.schema.equals(VAT_SUMMARY, check_metadata=True)
    assert sums.select(["ksef_number", "rate_group", "net_amount", "vat_amount"]).to_pylist() == [
        {"ksef_number": "N0", "rate_group": "1", "net_amount": Decimal(100), "vat_amount": Decimal(23)},
        {"ksef_number": "N1", "rate_group": "1", "net_amount": Decimal(100), "vat_amount": Decimal(23)},
        {"ksef_number": "N2", "rate_group": "7", "net_amount": Decimal(5), "vat_amount": None},
    ]


def test_lines_carry_what_the_metadata_says_of_their_invoice(tmp_path: Path) -> None:
    made = package(fa(line(NrWierszaFa="1")), currency="EUR", invoiceNumber="FV/7")
    [row] = staged_rows(stage(made, tmp_path), "invoice_lines").to_pylist()
    [invoice] = made.invoices.to_pylist()
    names = ["invoice_number", "issue_date", "ksef_date", "seller_nip", "invoice_type", "currency"]
    for name in [*names, "ksef_number", "permanent_storage_date", "export_reference", "synced_at"]:
        assert row[name] == invoice[name]


@pytest.mark.parametrize("at_once", [1, 1_000_000])
def test_files_promise_their_span_and_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("airflow_provider_ksef.tables.document_share.BATCH_BYTES", at_once)
    monkeypatch.setattr("airflow_provider_ksef.tables.staging.ROW_GROUP_BYTES", at_once)
    staged = stage(package(*DOCUMENTS_OF_THREE_DAYS), tmp_path)
    for file in staged.files:
        moments = pq.read_table(file.path)["permanent_storage_date"].to_pylist()
        assert moments == sorted(moments)
        span = [datetime.fromtimestamp(bound / 1e6, UTC) for bound in (file.first, file.last)]
        assert span == [moments[0], moments[-1]]
        assert {f"{moment:%Y-%m}" for moment in moments} == {file.month}
        [order] = pq.ParquetFile(file.path).metadata.row_group(0).sorting_columns
        assert order.column_index == 1


def test_rows_are_in_the_order_of_storage_whatever_the_package_says(tmp_path: Path) -> None:
    made = package(*DOCUMENTS_OF_THREE_DAYS)
    turned = Package(made.entries[::-1], made.invoices.take([2, 0, 1]))
    staged = stage(turned, tmp_path)
    assert staged_rows(staged, "invoice_documents")["ksef_number"].to_pylist() == ["N0", "N1", "N2"]


def test_row_groups_and_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_ksef.tables.document_share.BATCH_BYTES", 1000)
    monkeypatch.setattr("airflow_provider_ksef.tables.staging.ROW_GROUP_BYTES", 1500)
    monkeypatch.setattr("airflow_provider_ksef.tables.staging.MAX_FILE_BYTES", 12_000)
    xmls = [fa(BODY + f"<P_2>{place}</P_2>") for place in range(60)]
    made = package(*xmls, permanentStorageDate="2026-03-01T10:00:00Z")
    staged = stage(made, tmp_path)
    files = [file for file in staged.files if file.table == "invoice_documents"]
    assert len(files) > 1
    assert sum(pq.ParquetFile(file.path).num_row_groups for file in files) > 2 * len(files)
    assert sorted(staged_rows(staged, "invoice_documents")["xml"].to_pylist()) == sorted(xmls)
    owners = [set(pq.read_table(file.path)["ksef_number"].to_pylist()) for file in files]
    assert sum(len(numbers) for numbers in owners) == 60


def test_a_number_twice_in_the_metadata_is_staged_once(tmp_path: Path) -> None:
    made = package(fa(BODY))
    staged = stage(Package(made.entries, pa.concat_tables([made.invoices] * 2)), tmp_path)
    assert (staged.documents, staged.lines) == (1, 1)


def test_a_package_without_invoices_gives_no_files(tmp_path: Path) -> None:
    made = package()
    assert stage(made, tmp_path) == StagedDocuments((), 0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_documents_that_cannot_be_read_are_kept_and_counted(tmp_path: Path) -> None:
    broken = [
        b"<Faktura><Fa>",
        b"",
        b"<html><body>nothing</body></html>",
        fa(line(P_11="1.234")),
        fa(line(P_11="12345678901234567.00")),
        fa(line(P_6A="2026-02-30")),
        fa(line(P_11="1.00") + "<P_13_1>one hundred</P_13_1>"),
        fa(line(StanPrzed="perhaps")),
    ]
    made = package(*broken[:4], fa(BODY), *broken[4:])
    staged = stage(made, tmp_path)
    assert (staged.documents, staged.lines, staged.unreadable) == (9, 1, 7)
    rows = staged_rows(staged, "invoice_documents").to_pylist()
    assert [row["xml"] for row in rows] == [*broken[:4], fa(BODY), *broken[4:]]
    problems = [row["parse_error"] for row in rows]
    assert problems[2] is None
    assert problems[4] is None
    assert problems[0].startswith("no well-formed XML")
    assert problems[3] == "net_amount '1.234' is no decimal128(18, 2)"
    assert problems[5].startswith("net_amount '12345678901234567.00'")
    assert problems[6].startswith("delivery_date '2026-02-30'")
    assert problems[7].startswith("net_amount 'one hundred'")
    assert problems[8].startswith("is_before_correction 'perhaps'")
    assert [row["line_count"] for row in rows] == [None] * 4 + [1] + [None] * 4
    assert staged_rows(staged, "invoice_lines")["ksef_number"].to_pylist() == ["N4"]
    assert staged_rows(staged, "invoice_vat_summary")["ksef_number"].to_pylist() == ["N4"]
