"""The official operations that are not built yet, by name. What is built may not stand here."""

from __future__ import annotations

EMULATOR_STILL_TO_COME = frozenset(
    {
        "POST /permissions/persons/grants",
        "POST /permissions/entities/grants",
        "POST /permissions/authorizations/grants",
        "POST /permissions/indirect/grants",
        "POST /permissions/subunits/grants",
        "POST /permissions/eu-entities/administration/grants",
        "POST /permissions/eu-entities/grants",
        "DELETE /permissions/common/grants/{permissionId}",
        "DELETE /permissions/authorizations/grants/{permissionId}",
        "GET /permissions/operations/{referenceNumber}",
        "POST /permissions/query/personal/grants",
        "POST /permissions/query/persons/grants",
        "POST /permissions/query/subunits/grants",
        "POST /permissions/query/entities/grants",
        "GET /permissions/query/entities/roles",
        "POST /permissions/query/subordinate-entities/roles",
        "POST /permissions/query/authorizations/grants",
        "POST /permissions/query/eu-entities/grants",
    }
)
_ONLY_IN_THE_EMULATOR = frozenset(
    {
        "GET /collective-identifiers/ksef/{ksefNumber}",
        "GET /collective-identifiers/{collectiveIdentifierNumber}/invoices",
        "POST /collective-identifiers/query",
        "POST /collective-identifiers",
        "GET /peppol/query",
        "PUT /testdata/certificates/{serialNumber}",
        "POST /certificates/query",
        "POST /certificates/{certificateSerialNumber}/revoke",
        "POST /certificates/retrieve",
        "GET /certificates/enrollments/{referenceNumber}",
        "POST /certificates/enrollments",
        "GET /certificates/enrollments/data",
        "GET /certificates/limits",
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
