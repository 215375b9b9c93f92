"""The official operations that are not built yet, by name. What is built may not stand here."""

from __future__ import annotations

EMULATOR_STILL_TO_COME = frozenset(
    {
        "GET /certificates/limits",
        "GET /certificates/enrollments/data",
        "POST /certificates/enrollments",
        "GET /certificates/enrollments/{referenceNumber}",
        "POST /certificates/retrieve",
        "POST /certificates/{certificateSerialNumber}/revoke",
        "POST /certificates/query",
        "PUT /testdata/certificates/{serialNumber}",
        "GET /peppol/query",
        "POST /collective-identifiers",
        "POST /collective-identifiers/query",
        "GET /collective-identifiers/{collectiveIdentifierNumber}/invoices",
        "GET /collective-identifiers/ksef/{ksefNumber}",
    }
)
_ONLY_IN_THE_EMULATOR = frozenset(
    {
        "GET /auth/sessions",
        "DELETE /auth/sessions/{referenceNumber}",
        "GET /sessions",
        "GET /permissions/attachments/status",
        "POST /tokens",
        "GET /tokens",
        "GET /tokens/{referenceNumber}",
        "DELETE /tokens/{referenceNumber}",
        "POST /testdata/subject",
        "POST /testdata/subject/remove",
        "POST /testdata/person",
        "POST /testdata/person/remove",
        "POST /testdata/permissions",
        "POST /testdata/permissions/revoke",
        "POST /testdata/attachment",
        "POST /testdata/attachment/revoke",
        "POST /testdata/context/block",
        "POST /testdata/context/unblock",
        "POST /testdata/limits/context/session",
        "DELETE /testdata/limits/context/session",
        "POST /testdata/limits/subject/certificate",
        "DELETE /testdata/limits/subject/certificate",
        "POST /testdata/rate-limits",
        "DELETE /testdata/rate-limits",
        "POST /testdata/rate-limits/production",
    }
)

CLIENT_STILL_TO_COME = EMULATOR_STILL_TO_COME | _ONLY_IN_THE_EMULATOR
