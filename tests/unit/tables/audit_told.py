"""What KSeF tells for the audit tables, as its API has it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

CONTEXT = "nip-5250001210"
MONDAY = datetime(2026, 11, 23, 6, 0, 0, tzinfo=UTC)

PERSON = {
    "id": "0c9a48ba-bb38-4831-ecaa-96df26af42a4",
    "authorizedIdentifier": {"type": "Pesel", "value": "30112206276"},
    "contextIdentifier": None,
    "targetIdentifier": {"type": "AllPartners", "value": None},
    "authorIdentifier": {"type": "Nip", "value": "5250001210"},
    "permissionScope": "InvoiceWrite",
    "description": "sprzedaż",
    "subjectPersonDetails": {
        "subjectDetailsType": "PersonByIdentifier",
        "firstName": "Anna",
        "lastName": "Abacka",
        "personIdentifier": None,
    },
    "permissionState": "Active",
    "startDate": "2026-02-01T00:00:00.1234567+01:00",
    "canDelegate": False,
}
GRANTED = {
    "id": "0c9a48ba-bb38-4831-ecaa-96df26af42a5",
    "authorizedEntityIdentifier": {"type": "Nip", "value": "7980332920"},
    "authorizingEntityIdentifier": {"type": "Nip", "value": "5250001210"},
    "authorizationScope": "SelfInvoicing",
    "description": "samofakturowanie",
    "subjectEntityDetails": {"subjectDetailsType": "EntityByIdentifier", "fullName": "Beta sp. z o.o."},
    "startDate": "2026-02-01T00:00:00+00:00",
}
ABROAD = {
    "id": "0c9a48ba-bb38-4831-ecaa-96df26af42a6",
    "authorIdentifier": {"type": "Nip", "value": "5250001210"},
    "vatUeIdentifier": "DE123456789",
    "euEntityName": "Muster GmbH",
    "authorizedFingerprintIdentifier": "AB" * 32,
    "permissionScope": "VatUeManage",
    "description": "zarządzanie",
    "subjectEntityDetails": {
        "subjectDetailsType": "EntityByFingerprint",
        "fullName": "Muster GmbH",
        "address": "Berlin",
    },
    "startDate": "2026-02-01T00:00:00+00:00",
}
ROLE = {
    "role": "VatGroupSubUnit",
    "description": "członek grupy",
    "startDate": "2026-02-01T00:00:00+00:00",
    "parentEntityIdentifier": {"type": "Nip", "value": "1111111111"},
}
WORKS = {"type": "Nip", "value": "5260250274"}
BELOW = {
    "role": "VatGroupSubUnit",
    "description": "członek grupy",
    "startDate": "2026-02-01T00:00:00+00:00",
    "subordinateEntityIdentifier": {"type": "Nip", "value": "7980332920"},
}
CONSENT = {"isAttachmentAllowed": True, "revokedDate": "2027-01-01T00:00:00+01:00"}
TOKEN = {
    "referenceNumber": "20260901-EC-1A2B3CC000-0F1E2D3C53-D1",
    "authorIdentifier": {"type": "Nip", "value": "5250001210"},
    "contextIdentifier": {"type": "Nip", "value": "5250001210"},
    "description": "dla Airflow",
    "requestedPermissions": ["InvoiceWrite", "InvoiceRead"],
    "dateCreated": "2026-09-01T08:00:00+00:00",
    "lastUseDate": "2026-11-22T08:00:00+00:00",
    "status": "Active",
    "statusDetails": None,
}
CERTIFICATE = {
    "certificateSerialNumber": "01A2B3C4D5E6F708",
    "name": "serwer",
    "type": "Authentication",
    "commonName": "Alfa",
    "status": "Active",
    "subjectIdentifier": {"type": "Nip", "value": "5250001210"},
    "validFrom": "2026-01-01T00:00:00+00:00",
    "validTo": "2026-12-31T23:59:59+00:00",
    "requestDate": "2026-01-01T00:00:00+00:00",
}
LOGIN = {
    "referenceNumber": "20261123-AU-1A2B3C4000-0F1E2D3C4E-78",
    "startDate": "2026-11-23T05:59:00+00:00",
    "authenticationMethod": "Token",
    "authenticationMethodInfo": {"category": "Token", "code": "token.ksef", "displayName": "Token KSeF"},
    "status": {"code": 200, "description": "Uwierzytelnianie zakończone sukcesem"},
    "isTokenRedeemed": True,
    "refreshTokenValidUntil": "2026-11-30T05:59:00+00:00",
    "isCurrent": True,
}
LIMITS = {
    "onlineSession": {"maxInvoiceSizeInMB": 1, "maxInvoices": 10_000},
    "new": {"share": Decimal("0.25"), "kind": "soft", "fine": Decimal("0.125"), "huge": 10**18},
}
RATES = {"invoiceSend": {"perSecond": 10, "perHour": -1}}

TOLD: dict[str, dict[str, list[dict[str, Any]]]] = {
    "permissions": {
        "persons": [PERSON],
        "authorizations_granted": [GRANTED],
        "eu_entities": [ABROAD],
        "entities_roles": [ROLE],
        "subordinate_entities_roles": [BELOW, {**BELOW, "subordinateEntityIdentifier": WORKS}],
        "attachments": [CONSENT],
    },
    "tokens": {"tokens": [TOKEN]},
    "certificates": {"certificates": [CERTIFICATE]},
    "login_sessions": {"login_sessions": [LOGIN]},
    "limits": {"context": [LIMITS], "rate": [RATES]},
}
