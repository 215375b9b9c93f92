"""How much a context and a subject may do. A megabyte is a million bytes."""

from __future__ import annotations

MAX_SIZE = 1_000_000
MAX_SIZE_WITH_ATTACHMENT = 3_000_000
MAX_INVOICES = 10_000

_SESSION = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": MAX_INVOICES}

CONTEXT_LIMITS = {
    "onlineSession": _SESSION,
    "batchSession": _SESSION,
    "collectiveIdentifier": {"maxInvoices": 500},
}
SUBJECT_LIMITS = {"enrollment": {"maxEnrollments": 300}, "certificate": {"maxCertificates": 100}}
