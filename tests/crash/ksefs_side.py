"""What KSeF holds of the invoices that were sent, and what goes wrong on the way to it."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.invoices import query_metadata
from tests.emulator_process import EmulatorProcess
from tests.system.client_ways import settings_of

_PAGE = 250
_ANYWHERE = (("GET", "/v2/sessions/"), ("GET", "/storage/"))
_PLACES = {
    "submit": (
        ("POST", "/v2/sessions/batch$"),
        ("POST", "/v2/sessions/batch/[^/]+/close$"),
        ("PUT", "/storage/"),
        *_ANYWHERE,
    ),
    "send": (
        ("POST", "/v2/sessions/online$"),
        ("POST", "/v2/sessions/online/[^/]+/close$"),
        ("POST", "/v2/sessions/online/[^/]+/invoices$"),
        *_ANYWHERE,
    ),
}
_WAYS: tuple[dict[str, Any], ...] = (
    {"drop": "before"},
    {"drop": "after"},
    {"status": 502, "body": "<html>bad gateway</html>"},
    {"status": 500},
    {"delay": 0.3},
)
_BY_LINK = {"submit": "PUT", "send": "GET"}
"""What is done by links that expire."""


def order_faults(emulator: EmulatorProcess, rng: random.Random, kind: str) -> Counter[str]:
    """
    Let a few requests go wrong from now on.

    :param kind: of the task that sends, ``submit`` or ``send``.
    :returns: what was ordered, for the record.
    """
    ordered: Counter[str] = Counter()
    for _ in range(rng.choice([0, 0, 1, 2])):
        method, path = rng.choice(_PLACES[kind])
        way = rng.choice(_WAYS)
        emulator.control("faults", method=method, path=path, times=rng.choice([1, 1, 2, 6]), **way)
        ordered[f"fault ordered: {next(iter(way))} at {method} {path}"] += 1
    if rng.random() < 0.1:
        emulator.control("faults", method=_BY_LINK[kind], path="/storage/", times=1, status=403)
        ordered["fault ordered: expired link"] += 1
    return ordered


def held_hashes(emulator: EmulatorProcess) -> dict[str, list[str]]:
    """Give the KSeF numbers of each document that KSeF has accepted, by the document's hash."""
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    filters = InvoiceFilters("Subject1", "Invoicing", since)
    found: dict[str, list[str]] = {}
    with KsefClient(settings_of(emulator)) as ksef:
        page = ksef.run(query_metadata(filters, page_size=_PAGE))
    assert not page.has_more, "more invoices than the tests send"
    for invoice in page.invoices:
        found.setdefault(invoice["invoiceHash"], []).append(invoice["ksefNumber"])
    return found
