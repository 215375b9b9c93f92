"""Whom the company gives permissions, as a DAG says it."""

from __future__ import annotations

from typing import Any

PESEL = "30112206276"
PERSON: dict[str, Any] = {
    "kind": "person",
    "subject_identifier": {"type": "Pesel", "value": PESEL},
    "permissions": ["InvoiceRead", "InvoiceWrite"],
    "description": "accounting",
    "subject_details": {"first_name": "Anna", "last_name": "Abacka"},
}
OFFICE: dict[str, Any] = {
    "kind": "entity",
    "subject_identifier": {"type": "Nip", "value": "1111111111"},
    "permissions": [{"type": "InvoiceRead", "can_delegate": True}],
    "description": "the tax office's client",
    "subject_details": {"full_name": "Beta sp. z o.o."},
}
