from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import batch, exports, forms, invoices, limits, online, sessions, upo
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.crypto import SessionKey, sha256_base64
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.packing import PackedBatch, PackedPart
from airflow_provider_ksef.exceptions import KsefError
from tests.contract.openapi import Contract, read_contract
from tests.unit.client.fake_ksef import SESSION, FakeKsef

KEY = SessionKey(b"k" * 32, b"i" * 16)
HASH = sha256_base64(b"content")
PARTS = tuple(PackedPart(ordinal, Path("part"), 1000, HASH) for ordinal in (1, 2))
FROM = "2026-09-01T00:00:00.1234567+00:00"
SMALL = InvoiceFilters("Subject1", "Issue", FROM)
LARGE = InvoiceFilters(
    "Subject2",
    "PermanentStorage",
    FROM,
    date_to=FROM,
    restrict_to_hwm=True,
    ksef_number="5250001210-20260901-0A1B2C000000-C6",
    invoice_number="FV/1",
    seller_nip="5250001210",
    buyer_identifier_type="VatUe",
    buyer_identifier="DE123456789",
    amount_type="Netto",
    amount_from=Decimal("-0.10"),
    amount_to=Decimal("12345678901234.56"),
    currency_codes=("PLN", "EUR"),
    invoice_types=("Vat", "KorRoz", "VatRr"),
    invoicing_mode="Offline",
    is_self_invoicing=False,
    has_attachment=True,
    form_type="FA_RR",
)
EXPORT = "20260901-EH-1A2B3CA000-0F1E2D3C51-AD"
INVOICE = "20260901-EE-1A2B3C8001-0F1E2D3C4F-01"
NUMBER = "5250001210-20260901-0A1B2C000000-C6"


def package(compression: str) -> PackedBatch:
    return PackedBatch(compression, 2000, HASH, PARTS, {})


OPERATIONS: dict[str, Callable[[], Flow[Any] | Call[Any]]] = {
    **{
        f"open {form}": lambda form=form: batch.open_session(form, package("zip"), KEY)
        for form in forms.BATCH_FORMS
    },  # type: ignore[misc]
    "open tar.gz offline": lambda: batch.open_session("FA (3)", package("tar.gz"), KEY, offline_mode=True),
    "close": lambda: batch.close_session(SESSION),
    "session": lambda: sessions.get_status(SESSION),
    "invoices": lambda: sessions.list_invoices(SESSION),
    "failed invoices": lambda: sessions.list_failed_invoices(SESSION),
    "small export": lambda: exports.start(SMALL, KEY),
    "large export": lambda: exports.start(LARGE, KEY, only_metadata=False, compression="TarGz"),
    "export": lambda: exports.get_status(EXPORT),
    "small query": lambda: invoices.query_metadata(SMALL),
    "large query": lambda: invoices.query_metadata(LARGE, sort_order="Desc", page_offset=39, page_size=250),
    "download": lambda: invoices.download(NUMBER),
    **{
        f"open online {form}": lambda form=form: online.open_session(form, KEY) for form in forms.ONLINE_FORMS
    },  # type: ignore[misc]
    "send": lambda: online.send_invoice(SESSION, b"<Faktura/>", KEY),
    "send correction": lambda: online.send_invoice(
        SESSION, b"<Faktura/>", KEY, offline_mode=True, hash_of_corrected_invoice=HASH
    ),
    "close online": lambda: online.close_session(SESSION),
    "invoice": lambda: sessions.get_invoice(SESSION, INVOICE),
    "upo of invoice": lambda: upo.of_invoice(SESSION, INVOICE),
    "upo of number": lambda: upo.of_ksef_number(SESSION, NUMBER),
    "upo of session": lambda: upo.of_session(SESSION, "20260901-EU-1A2B3C9000-0F1E2D3C50-18"),
    "context limits": limits.context_limits,
    "subject limits": limits.subject_limits,
    "rate limits": limits.rate_limits,
}


@pytest.fixture
def contract(shared_ksef: Path) -> Contract:
    return read_contract(shared_ksef / "openapi-2.7.0.json")


@pytest.mark.parametrize("name", OPERATIONS)
def test_requests_are_as_the_contract_says(contract: Contract, name: str) -> None:
    ksef = FakeKsef()
    # The answers of this KSeF are not the matter here.
    with suppress(KsefError), ksef.sync_client() as client:
        client.run(OPERATIONS[name]())
    assert len(ksef.requests) >= 7
    assert {str(request.url): contract.problems(request) for request in ksef.requests} == {
        str(request.url): [] for request in ksef.requests
    }


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (httpx.Request("GET", "https://x/v2/nothing"), "no operation"),
        (httpx.Request("DELETE", "https://x/v2/auth/challenge"), "no operation"),
        (httpx.Request("POST", "https://x/v2/auth/ksef-token", json={"challenge": "1"}), "is too short"),
        (httpx.Request("POST", "https://x/v2/auth/ksef-token"), "body is missing"),
        (httpx.Request("POST", "https://x/v2/auth/challenge", json={}), "none is declared"),
        (httpx.Request("GET", "https://x/v2/sessions/1/invoices?pageSize=1001"), "1001 is greater"),
        (httpx.Request("GET", "https://x/v2/sessions/1/invoices?size=1"), "size is not declared"),
        (
            httpx.Request("POST", "https://x/v2/invoices/query/metadata", json={"more": 1}),
            "'more' was unexpected",
        ),
    ],
)
def test_the_contract_notices_what_is_wrong(
    contract: Contract, request_: httpx.Request, problem: str
) -> None:
    assert any(problem in found for found in contract.problems(request_))
