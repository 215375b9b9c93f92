from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from airflow_provider_ksef.client import batch, exports, invoices, sessions
from airflow_provider_ksef.client.calls import Answer
from airflow_provider_ksef.client.crypto import SessionKey, sha256_base64
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError, KsefIntegrityError
from tests.unit.client.conftest import RunAll
from tests.unit.client.fake_ksef import SESSION, FakeKsef, problem

EXPORT = "20260901-EH-1A2B3CA000-0F1E2D3C51-AD"
NUMBER = "5250001210-20260901-0A1B2C000000-C6"
FILTERS = InvoiceFilters("Subject2", "PermanentStorage", "2026-09-01T00:00:00+00:00", restrict_to_hwm=True)
STATUS = f"GET /sessions/{SESSION}"


def session(code: int, **members: object) -> httpx.Response:
    status = {"code": code, "description": "Opis", "details": None}
    body = {"status": status, "dateCreated": "2026-09-01T08:00:00.1234567+00:00", **members}
    return httpx.Response(200, json=body)


def item(ordinal: int, code: int = 200, **members: object) -> dict[str, object]:
    return {
        "ordinalNumber": ordinal,
        "referenceNumber": "20260901-EE-1A2B3C8001-0F1E2D3C4F-01",
        "invoiceHash": "h" * 44,
        "invoicingDate": "2026-09-01T08:00:01.1234567+00:00",
        "status": {"code": code, "description": "Opis"},
        **members,
    }


@pytest.mark.parametrize(
    ("code", "is_open", "is_final"),
    [(100, True, False), (150, False, False), (170, False, False), (200, False, True), (445, False, True)],
)
def test_a_sessions_status(ksef: FakeKsef, run_all: RunAll, code: int, is_open: bool, is_final: bool) -> None:
    page = {"referenceNumber": "EU", "downloadUrl": "https://x?sig=secret", "downloadUrlExpirationDate": "d"}
    ksef.replies[STATUS] = [
        session(code, invoiceCount=3, successfulInvoiceCount=0, upo={"pages": [page]}, unknown={"a": 1})
    ]
    [status] = run_all(ksef, sessions.get_status(SESSION))
    assert (status.code, status.is_open, status.is_final) == (code, is_open, is_final)
    assert (status.invoice_count, status.accepted_count, status.rejected_count) == (3, 0, None)
    assert status.details == ()
    assert status.upo_pages[0].reference_number == "EU"
    assert "secret" not in repr(status)


def test_a_session_that_is_not_known_yet_is_asked_for_again(
    ksef: FakeKsef, run_all: RunAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "_UNKNOWN_PAUSES", (0.0, 0.0))
    ksef.replies[STATUS] = [problem(400, 21173), session(100)]
    [status] = run_all(ksef, sessions.get_status(SESSION))
    assert status.is_open
    ksef.replies[STATUS] = [problem(400, 21173)]
    with pytest.raises(KsefApiError) as raised:
        run_all(ksef, sessions.get_status(SESSION))
    assert raised.value.fault.code == 21173


def test_all_pages_of_a_list_are_read(ksef: FakeKsef, run_all: RunAll) -> None:
    duplicate = {
        "code": 440,
        "description": "Duplikat faktury",
        "details": ["Duplikat."],
        "extensions": {"originalKsefNumber": NUMBER},
    }
    ksef.replies[f"{STATUS}/invoices"] = [
        httpx.Response(200, json={"invoices": [item(1, ksefNumber=NUMBER)], "continuationToken": "next"}),
        httpx.Response(200, json={"invoices": [item(2, status=duplicate)], "continuationToken": ""}),
    ]
    [listed] = run_all(ksef, sessions.list_invoices(SESSION))
    assert [invoice.ordinal_number for invoice in listed] == [1, 2]
    assert listed[0].ksef_number == NUMBER
    assert (listed[1].code, listed[1].extensions) == (440, {"originalKsefNumber": NUMBER})
    asked = [request for request in ksef.requests if request.url.path.endswith("/invoices")]
    assert [request.headers.get("x-continuation-token") for request in asked] == [None, "next"]
    assert asked[0].url.params["pageSize"] == "1000"


def test_what_is_new_of_an_invoice_is_kept_as_it_was_written(ksef: FakeKsef, run_all: RunAll) -> None:
    status = {"code": 200, "description": "Sukces", "shade": "green"}
    told = json.dumps({"invoices": [item(1, status=status, fee="x", ratio="RATIO"), item(2)]})
    content = told.replace('"RATIO"', "0.10000000000000000001")
    ksef.replies[f"{STATUS}/invoices"] = [httpx.Response(200, content=content)]
    [[first, second]] = run_all(ksef, sessions.list_invoices(SESSION))
    assert first.extra == '{"fee":"x","ratio":0.10000000000000000001,"status":{"shade":"green"}}'
    assert second.extra is None


def test_the_failed_list_has_its_own_path(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies[f"{STATUS}/invoices/failed"] = [httpx.Response(200, json={"invoices": []})]
    assert run_all(ksef, sessions.list_failed_invoices(SESSION)) == [[]]


def test_a_finished_export(ksef: FakeKsef, run_all: RunAll) -> None:
    part = {
        "ordinalNumber": 2,
        "partName": "b",
        "method": "GET",
        "url": "https://x?sig=secret",
        "partSize": 5,
        "partHash": "p",
        "encryptedPartSize": 16,
        "encryptedPartHash": "e",
        "expirationDate": "2026-09-01T10:05:00.1234567+00:00",
    }
    package = {
        "invoiceCount": 10000,
        "size": 10,
        "parts": [part, {**part, "ordinalNumber": 1}],
        "isTruncated": True,
        "lastPermanentStorageDate": "2026-08-31T17:20:11.1234560+00:00",
        "permanentStorageHwmDate": "2026-09-01T08:58:00.1234567+00:00",
    }
    body = {"status": {"code": 200, "description": "Opis"}, "package": package}
    ksef.replies[f"GET /invoices/exports/{EXPORT}"] = [httpx.Response(200, json=body)]
    [status] = run_all(ksef, exports.get_status(EXPORT))
    assert status.is_final
    assert status.package is not None
    assert [part.ordinal_number for part in status.package.parts] == [1, 2]
    assert status.package.last_permanent_storage_date == "2026-08-31T17:20:11.1234560+00:00"
    assert status.package.compression == "Zip"
    assert "secret" not in repr(status)


def test_a_running_export_has_no_package(ksef: FakeKsef, run_all: RunAll) -> None:
    body = {"status": {"code": 100, "description": "Eksport faktur w toku"}, "package": None}
    ksef.replies[f"GET /invoices/exports/{EXPORT}"] = [httpx.Response(200, json=body)]
    [status] = run_all(ksef, exports.get_status(EXPORT))
    assert (status.is_final, status.package) == (False, None)


def test_an_export_is_started_once_even_if_nobody_answers(ksef: FakeKsef, run_all: RunAll) -> None:
    ksef.replies["POST /invoices/exports"] = [httpx.Response(502)]
    with pytest.raises(KsefApiError):
        run_all(ksef, exports.start(FILTERS, SessionKey(b"k" * 32, b"i" * 16)))
    assert ksef.counts["POST /invoices/exports"] == 1


def test_metadata_keeps_every_member_and_exact_money(ksef: FakeKsef, run_all: RunAll) -> None:
    text = '{"hasMore":true,"isTruncated":false,"invoices":[{"netAmount":123456789012345678.91,"new":[1]}]}'
    ksef.replies["POST /invoices/query/metadata"] = [httpx.Response(200, content=text)]
    [page] = run_all(ksef, invoices.query_metadata(FILTERS, page_offset=3, page_size=250, sort_order="Desc"))
    assert page.invoices == [{"netAmount": Decimal("123456789012345678.91"), "new": [1]}]
    assert (page.has_more, page.is_truncated, page.permanent_storage_hwm_date) == (True, False, None)
    params = dict(ksef.requests[-2].url.params)
    assert params == {"sortOrder": "Desc", "pageOffset": "3", "pageSize": "250"}


@pytest.mark.parametrize(
    "wrong", [{"page_size": 9}, {"page_size": 251}, {"page_offset": -1}, {"sort_order": "asc"}]
)
def test_wrong_paging_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(KsefInputError):
        invoices.query_metadata(FILTERS, **wrong)  # type: ignore[arg-type]


def test_an_invoice_is_read_as_bytes_and_verified(ksef: FakeKsef, run_all: RunAll) -> None:
    content = b"\xff<Faktura/>"
    path = f"GET /invoices/ksef/{NUMBER}"
    good = {"x-ms-meta-hash": sha256_base64(content), "Content-Type": "application/xml"}
    ksef.replies[path] = [httpx.Response(200, content=content, headers=good)]
    assert run_all(ksef, invoices.download(NUMBER)) == [content]
    for headers in ({}, {"x-ms-meta-hash": sha256_base64(b"else")}):
        ksef.replies[path] = [httpx.Response(200, content=content, headers=headers)]
        with pytest.raises(KsefIntegrityError, match="hash"):
            run_all(ksef, invoices.download(NUMBER))


def test_a_wrong_ksef_number_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(KsefInputError, match="ksef_number"):
        invoices.download("5250001210-20260901-0A1B2C000000-C7")


@pytest.mark.parametrize("reference", ["None", "", "../auth/sessions", SESSION.lower(), SESSION + "/x"])
def test_a_wrong_reference_is_refused_before_anything_is_sent(
    ksef: FakeKsef, run_all: RunAll, reference: str
) -> None:
    for make in (sessions.get_status, sessions.list_invoices, batch.close_session, exports.get_status):
        with pytest.raises(KsefInputError, match="reference"):
            run_all(ksef, make(reference))
    assert not ksef.requests


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", "EXAMPLE"])
def test_the_time_of_an_answer_can_be_compared_whatever_its_zone_is_called(zone: str) -> None:
    headers = {"date": f"Tue, 01 Sep 2026 08:00:00 {zone}"}
    assert Answer("GET", "/", 200, headers, b"", 0.0).server_time == datetime(2026, 9, 1, 8, tzinfo=UTC)
