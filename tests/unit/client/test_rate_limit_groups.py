"""Each request counts in the group that KSeF counts it in."""

from __future__ import annotations

import pytest

from airflow_provider_ksef.client.rate_limit_groups import counter_of, group_of, opening_group

SESSION = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
INVOICE = "20260901-EE-1A2B3C7000-0F1E2D3C4E-78"
KSEF_NUMBER = "5250001210-20260901-0123456789AB-CD"


@pytest.mark.parametrize(
    ("method", "path", "group"),
    [
        ("POST", "/sessions/online", "onlineSession"),
        ("POST", f"/sessions/online/{SESSION}/close", "onlineSessionClose"),
        ("POST", f"/sessions/online/{SESSION}/invoices", "invoiceSend"),
        ("POST", "/sessions/batch", "batchSession"),
        ("POST", f"/sessions/batch/{SESSION}/close", "batchSessionClose"),
        ("GET", "/sessions", "sessionList"),
        ("GET", f"/sessions/{SESSION}", "sessionMisc"),
        ("GET", f"/sessions/{SESSION}/upo/{INVOICE}", "sessionMisc"),
        ("GET", f"/sessions/{SESSION}/invoices/{INVOICE}/upo", "sessionMisc"),
        ("GET", f"/sessions/{SESSION}/invoices/ksef/{KSEF_NUMBER}/upo", "sessionMisc"),
        ("GET", f"/sessions/{SESSION}/invoices", "sessionInvoiceList"),
        ("GET", f"/sessions/{SESSION}/invoices/failed", "sessionInvoiceList"),
        ("GET", f"/sessions/{SESSION}/invoices/{INVOICE}", "invoiceStatus"),
        ("POST", "/invoices/query/metadata", "invoiceMetadata"),
        ("POST", "/invoices/exports", "invoiceExport"),
        ("GET", f"/invoices/exports/{SESSION}", "invoiceExportStatus"),
        ("GET", f"/invoices/ksef/{KSEF_NUMBER}", "invoiceDownload"),
        ("POST", "/collective-identifiers/invoices", "collectiveIdentifier"),
        ("POST", "/auth/challenge", "anonymous"),
        ("POST", "/auth/token/refresh", "anonymous"),
        ("GET", f"/auth/{SESSION}", "anonymous"),
        ("GET", "/security/public-key-certificates", "anonymous"),
        ("POST", "/testdata/subject", "anonymous"),
        ("GET", "/auth/sessions", "other"),
        ("DELETE", "/auth/sessions/current", "other"),
        ("GET", "/rate-limits", "other"),
        ("POST", "/testdata/rate-limits", "other"),
    ],
)
def test_a_request_counts_in_the_group_that_ksef_names(method: str, path: str, group: str) -> None:
    assert group_of(method, path) == group


def test_other_endpoints_are_counted_each_for_itself() -> None:
    assert counter_of("other", "GET", "/rate-limits") == "GET /rate-limits"
    assert counter_of("other", "DELETE", f"/tokens/{SESSION}") == "DELETE /tokens/{}"
    assert counter_of("invoiceExport", "POST", "/invoices/exports") == "invoiceExport"


def test_closing_counts_as_opening_where_ksef_has_no_group_for_it() -> None:
    assert opening_group("batchSessionClose") == "batchSession"
    assert opening_group("anonymous") == "anonymous"
