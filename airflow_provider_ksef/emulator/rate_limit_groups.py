"""Which endpoints share a rate limit, and how high production's limits are."""

from __future__ import annotations

Limits = tuple[int, int, int]

UNLIMITED = -1
WINDOWS = (("perSecond", 1, "sekundę"), ("perMinute", 60, "minutę"), ("perHour", 3600, "godzinę"))

PRODUCTION: dict[str, Limits] = {
    "onlineSession": (10, 30, 120),
    "onlineSessionClose": (20, 60, 240),
    "batchSession": (10, 20, 60),
    "batchSessionClose": (20, 40, 120),
    "invoiceSend": (10, 30, 180),
    "invoiceStatus": (30, 120, 1200),
    "sessionList": (5, 10, 60),
    "sessionInvoiceList": (10, 20, 200),
    "sessionMisc": (10, 120, 1200),
    "invoiceMetadata": (8, 16, 20),
    "invoiceExport": (8, 16, 20),
    "invoiceExportStatus": (10, 60, 600),
    "invoiceDownload": (8, 16, 64),
    "collectiveIdentifier": (10, 60, 120),
    "other": (10, 30, 120),
    "anonymous": (60, UNLIMITED, UNLIMITED),
    "global": (UNLIMITED, UNLIMITED, UNLIMITED),
}

_GROUPS = {
    "POST /sessions/online": "onlineSession",
    "POST /sessions/online/{referenceNumber}/close": "onlineSessionClose",
    "POST /sessions/batch": "batchSession",
    "POST /sessions/batch/{referenceNumber}/close": "batchSessionClose",
    "POST /sessions/online/{referenceNumber}/invoices": "invoiceSend",
    "GET /sessions/{referenceNumber}/invoices/{invoiceReferenceNumber}": "invoiceStatus",
    "GET /sessions": "sessionList",
    "GET /sessions/{referenceNumber}/invoices": "sessionInvoiceList",
    "GET /sessions/{referenceNumber}/invoices/failed": "sessionInvoiceList",
    "POST /invoices/query/metadata": "invoiceMetadata",
    "POST /invoices/exports": "invoiceExport",
    "GET /invoices/exports/{referenceNumber}": "invoiceExportStatus",
    "GET /invoices/ksef/{ksefNumber}": "invoiceDownload",
}
_GROUPS_BY_START = (
    ("GET /sessions/", "sessionMisc"),
    ("POST /collective-identifiers", "collectiveIdentifier"),
    ("GET /collective-identifiers", "collectiveIdentifier"),
    ("POST /auth/", "anonymous"),
    ("GET /auth/{", "anonymous"),
    ("GET /security/", "anonymous"),
    ("GET /peppol/", "anonymous"),
    ("POST /testdata/subject", "anonymous"),
    ("POST /testdata/person", "anonymous"),
    ("POST /testdata/permissions", "anonymous"),
    ("POST /testdata/attachment", "anonymous"),
)


def group_of(endpoint: str) -> str:
    """
    Give the group of an endpoint.

    :param endpoint: method and path template, e.g. ``POST /invoices/exports``.
    """
    if endpoint in _GROUPS:
        return _GROUPS[endpoint]
    return next((group for start, group in _GROUPS_BY_START if endpoint.startswith(start)), "other")
