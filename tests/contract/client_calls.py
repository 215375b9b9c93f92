"""Calls of the client's functions by name; what stands after a colon tells calls of one function apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

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
from tests.contract import credential_calls, permission_calls
from tests.emulator.signing import seal
from tests.unit.client.fake_ksef import SESSION, SETTINGS

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


_OPERATIONS: dict[str, Callable[[], Flow[Any] | Call[Any]]] = {
    **{
        f"batch.open_session: {form}": lambda form=form: batch.open_session(form, package("zip"), KEY)
        for form in forms.BATCH_FORMS
    },  # type: ignore[misc]
    "batch.open_session: tar.gz offline": lambda: batch.open_session(
        "FA (3)", package("tar.gz"), KEY, offline_mode=True
    ),
    "batch.close_session": lambda: batch.close_session(SESSION),
    "sessions.get_status": lambda: sessions.get_status(SESSION),
    "sessions.list_invoices": lambda: sessions.list_invoices(SESSION),
    "sessions.list_failed_invoices": lambda: sessions.list_failed_invoices(SESSION),
    "exports.start: few filters": lambda: exports.start(SMALL, KEY),
    "exports.start: all filters": lambda: exports.start(LARGE, KEY, only_metadata=False, compression="TarGz"),
    "exports.get_status": lambda: exports.get_status(EXPORT),
    "invoices.query_metadata: few filters": lambda: invoices.query_metadata(SMALL),
    "invoices.query_metadata: all filters": lambda: invoices.query_metadata(
        LARGE, sort_order="Desc", page_offset=39, page_size=250
    ),
    "invoices.download": lambda: invoices.download(NUMBER),
    **{
        f"online.open_session: {form}": lambda form=form: online.open_session(form, KEY)
        for form in forms.ONLINE_FORMS
    },  # type: ignore[misc]
    "online.send_invoice": lambda: online.send_invoice(SESSION, b"<Faktura/>", KEY),
    "online.send_invoice: technical correction": lambda: online.send_invoice(
        SESSION, b"<Faktura/>", KEY, offline_mode=True, hash_of_corrected_invoice=HASH
    ),
    "online.close_session": lambda: online.close_session(SESSION),
    "sessions.get_invoice": lambda: sessions.get_invoice(SESSION, INVOICE),
    "upo.of_invoice": lambda: upo.of_invoice(SESSION, INVOICE),
    "upo.of_ksef_number": lambda: upo.of_ksef_number(SESSION, NUMBER),
    "upo.of_session": lambda: upo.of_session(SESSION, "20260901-EU-1A2B3C9000-0F1E2D3C50-18"),
    "limits.context_limits": limits.context_limits,
    "limits.subject_limits": limits.subject_limits,
    "limits.rate_limits": limits.rate_limits,
    "login.log_in: by certificate": log_in_by_certificate,
    "login.log_in: by token": lambda: login.log_in(SETTINGS),
}
OPERATIONS = {**_OPERATIONS, **credential_calls.OPERATIONS, **permission_calls.OPERATIONS}
REPLIES = {**credential_calls.REPLIES}
