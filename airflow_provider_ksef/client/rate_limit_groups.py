"""Which of KSeF's rate limits a request counts against (KSeF docs: limity-api)."""

from __future__ import annotations

import re

OTHER = "other"
ANONYMOUS = "anonymous"
STORAGE = "storage"
"""Pre-signed links: KSeF does not count them."""
_OPENING = {"onlineSessionClose": "onlineSession", "batchSessionClose": "batchSession"}
_REFERENCE = re.compile(r"[^/]*\d[^/]*")
_GROUPS = tuple(
    (re.compile(pattern), group)
    for pattern, group in (
        (r"POST /sessions/online", "onlineSession"),
        (r"POST /sessions/online/[^/]+/close", "onlineSessionClose"),
        (r"POST /sessions/online/[^/]+/invoices", "invoiceSend"),
        (r"POST /sessions/batch", "batchSession"),
        (r"POST /sessions/batch/[^/]+/close", "batchSessionClose"),
        (r"GET /sessions", "sessionList"),
        (r"GET /sessions/[^/]+/invoices(/failed)?", "sessionInvoiceList"),
        (r"GET /sessions/[^/]+/invoices/[^/]+", "invoiceStatus"),
        (r"GET /sessions/.+", "sessionMisc"),
        (r"POST /invoices/query/metadata", "invoiceMetadata"),
        (r"POST /invoices/exports", "invoiceExport"),
        (r"GET /invoices/exports/[^/]+", "invoiceExportStatus"),
        (r"GET /invoices/ksef/[^/]+", "invoiceDownload"),
        (r"\w+ /collective-identifiers.*", "collectiveIdentifier"),
        (r"POST /auth/.+", ANONYMOUS),
        (r"GET /auth/(?!sessions$)[^/]+", ANONYMOUS),
        (r"GET /(security|peppol)/.+", ANONYMOUS),
        (r"POST /testdata/(subject|person|permissions|attachment)(/.+)?", ANONYMOUS),
    )
)


def group_of(method: str, path: str) -> str:
    """
    Give KSeF's name of the group that a request counts in.

    :param method: HTTP method.
    :param path: below the base URL, without query.
    """
    request = f"{method} {path}"
    return next((group for pattern, group in _GROUPS if pattern.fullmatch(request)), OTHER)


def counter_of(group: str, method: str, path: str) -> str:
    """
    Name the counter of a request: one for a group, but in the group ``other`` one for each endpoint.

    :param group: as :func:`group_of` gives it.
    :param method: HTTP method.
    :param path: below the base URL, without query.
    """
    return f"{method} {_REFERENCE.sub('{}', path)}" if group == OTHER else group


def opening_group(group: str) -> str:
    """
    Name the group that counts a call where KSeF has none of its own for it: closing counts as opening.

    :param group: that KSeF does not name.
    """
    return _OPENING.get(group, group)
