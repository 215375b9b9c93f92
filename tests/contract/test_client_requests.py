from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client import (
    batch,
    exports,
    forms,
    invoices,
    limits,
    login,
    online,
    sessions,
    upo,
)
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.crypto import SessionKey, sha256_base64
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.packing import PackedBatch, PackedPart
from airflow_provider_ksef.exceptions import KsefError
from tests.contract.openapi import Contract
from tests.contract.request_check import request_problems
from tests.contract.still_to_come import CLIENT_STILL_TO_COME
from tests.emulator.signing import seal
from tests.unit.client.fake_ksef import SESSION, SETTINGS, FakeKsef

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


def log_in_by_certificate() -> Flow[Any]:
    signer = seal()
    credential = read_certificate(signer.pem.decode(), signer.key_pem.decode())
    return login.log_in(replace(SETTINGS, credential=credential))


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
    "login by certificate": log_in_by_certificate,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_requests_are_as_the_contract_says(contract: Contract, name: str) -> None:
    ksef = FakeKsef()
    # The answers of this KSeF are not the matter here.
    with suppress(KsefError), ksef.sync_client() as client:
        client.run(OPERATIONS[name]())
    assert len(ksef.requests) >= 4
    assert {str(request.url): request_problems(contract, request) for request in ksef.requests} == {
        str(request.url): [] for request in ksef.requests
    }


def test_the_client_describes_each_operation_that_is_not_still_to_come(contract: Contract) -> None:
    ksef = FakeKsef(access_seconds=0.0)
    with ksef.sync_client() as client:
        for describe in OPERATIONS.values():
            with suppress(KsefError):
                client.run(describe())
    found = (contract.find(each.method, each.url.path.removeprefix("/v2")) for each in ksef.requests)
    called = {operation.name for operation in found if operation}
    assert called == {operation.name for operation in contract.operations} - CLIENT_STILL_TO_COME
