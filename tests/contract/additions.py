"""What newer versions than the official file have, and what answers where no operation is."""

from __future__ import annotations

from typing import Any

_RATE_LIMIT = {"allOf": [{"$ref": "#/components/schemas/EffectiveApiRateLimitValues"}]}

_OWNER_PERMISSIONS = (
    "CredentialsManage CredentialsRead InvoiceWrite InvoiceRead Introspection SubunitManage "
    "EnforcementOperations CollectiveIdentifierManage"
)

# Members of answers and requests that came with 2.8 and 2.9.
MEMBERS: dict[str, dict[str, Any]] = {
    "InvoicePackage": {"compressionType": {"enum": ["Zip", "TarGz"]}},
    "QueryPersonalPermissionsResponse": {
        "ownerPermissions": {"type": "array", "items": {"enum": _OWNER_PERMISSIONS.split()}}
    },
    "EffectiveApiRateLimits": dict.fromkeys(
        ("onlineSessionClose", "batchSessionClose", "anonymous", "global"), _RATE_LIMIT
    ),
    "SetSessionLimitsRequest": {
        "collectiveIdentifier": {
            "type": "object",
            "required": ["maxInvoices"],
            "properties": {"maxInvoices": {"type": "integer", "minimum": 2, "maximum": 5000}},
        }
    },
    "EffectiveContextLimits": {
        "collectiveIdentifier": {
            "type": "object",
            "required": ["maxInvoices"],
            "properties": {"maxInvoices": {"type": "integer"}},
        }
    },
}

# Choices that came with 2.8 and 2.9.
CHOICES: dict[str, str] = dict.fromkeys(
    ("EntityPermissionType", "EntityPermissionItemScope", "IndirectPermissionType"),
    "CollectiveIdentifierManage",
)

# Operations that came with 2.8 and 2.9.
OPERATIONS = frozenset({"POST /collective-identifiers/invoices"})

# Statuses that no operation declares: there is no such path or method, the body is of another kind.
GATEWAY_STATUSES = frozenset({404, 405, 415})
