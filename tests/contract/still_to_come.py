"""The official operations that are not built yet, by name. What is built may not stand here."""

from __future__ import annotations

EMULATOR_STILL_TO_COME: frozenset[str] = frozenset()
_ONLY_IN_THE_EMULATOR = frozenset(
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

CLIENT_STILL_TO_COME = EMULATOR_STILL_TO_COME | _ONLY_IN_THE_EMULATOR
