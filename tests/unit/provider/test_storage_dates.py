"""KSeF stores an invoice for good a little after it has numbered it, and the row gets that date too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from upath import UPath

from airflow_provider_ksef.client import sessions
from airflow_provider_ksef.client.checks.facts import InvoiceFacts
from airflow_provider_ksef.client.checks.report import CheckedFile
from airflow_provider_ksef.client.invoice_files import InvoicePath
from airflow_provider_ksef.operators.judged_session import JudgedSession, keep_session
from airflow_provider_ksef.operators.submission_record import open_record
from airflow_provider_ksef.tables.reading import read
from tests.system.operator_context import context
from tests.unit.client.fake_ksef import FakeKsef

BATCH = "20260901-SB-1A2B3C6000-0F1E2D3C4D-4A"
HASH = "UtQp9Gpc51y+u3xApZjIjgkpZ01js+J8KflSPW8WzIE="
NUMBERED = "2026-09-01T10:00:00+00:00"
STORED = "2026-09-01T10:00:05+00:00"


def listed(stored: str | None) -> httpx.Response:
    invoice: dict[str, Any] = {
        "ordinalNumber": 1,
        "referenceNumber": "20260901-EE-1A2B3C8001-0F1E2D3C4F-01",
        "invoiceHash": HASH,
        "invoiceFileName": "1.xml",
        "invoicingDate": NUMBERED,
        "acquisitionDate": NUMBERED,
        "ksefNumber": "5250001210-20260901-1A2B3C4D5E6F-7B",
        "status": {"code": 200, "description": "Sukces"},
    }
    if stored:
        invoice["permanentStorageDate"] = stored
    return httpx.Response(200, json={"continuationToken": None, "invoices": [invoice]})


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_the_date_is_read_again_until_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    monkeypatch.setattr(sessions, "STORING_PAUSES", (0, 0))
    fake = FakeKsef()
    fake.replies[f"GET /sessions/{BATCH}"] = [
        httpx.Response(
            200,
            json={
                "status": {"code": 200, "description": "Opis."},
                "dateCreated": NUMBERED,
                "dateUpdated": NUMBERED,
                "invoiceCount": 1,
                "successfulInvoiceCount": 1,
                "failedInvoiceCount": 0,
            },
        )
    ]
    fake.replies[f"GET /sessions/{BATCH}/invoices"] = [
        *[listed(None) for _ in range(reads - 1)],
        listed(STORED),
    ]
    with fake.sync_client() as ksef:
        record = open_record(str(tmp_path), context(), ksef.settings)
        assert record is not None
        file = CheckedFile(InvoicePath("1.xml", UPath("/out/1.xml")), 1, "00" * 32, InvoiceFacts())
        record.begin(BATCH, [file], {"1.xml": HASH}, digest="0f", form_code="FA (3)", offline_mode=False)
        invoices = ksef.run(sessions.list_invoices(BATCH))
        judged = JudgedSession(ksef.run(sessions.get_status(BATCH)), invoices, {})
        keep_session(ksef, judged, record, None)
    (row,) = read("submissions", tmp_path).to_pylist()
    assert row["permanent_storage_date"] == datetime(2026, 9, 1, 10, 0, 5, tzinfo=UTC)
    assert fake.counts[f"GET /sessions/{BATCH}/invoices"] == reads
