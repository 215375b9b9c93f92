"""The invoice forms that KSeF takes, and which kind of session takes them (KSeF docs: sesja-interaktywna)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from airflow_provider_ksef.exceptions import KsefInputError

FormCode: TypeAlias = Mapping[str, str]

BATCH_FORMS: Mapping[str, FormCode] = {
    "FA (2)": {"systemCode": "FA (2)", "schemaVersion": "1-0E", "value": "FA"},
    "FA (3)": {"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"},
    "FA_RR (1)": {"systemCode": "FA_RR (1)", "schemaVersion": "1-1E", "value": "FA_RR"},
}
"""``FormCode`` of each form that a batch may hold, by its system code."""
ONLINE_FORMS: Mapping[str, FormCode] = {
    **BATCH_FORMS,
    "PEF (3)": {"systemCode": "PEF (3)", "schemaVersion": "2-1", "value": "PEF"},
    "PEF_KOR (3)": {"systemCode": "PEF_KOR (3)", "schemaVersion": "2-1", "value": "PEF"},
}
"""Likewise for interactive sessions."""


def form_of(form_code: str, forms: Mapping[str, FormCode], session: str) -> FormCode:
    """
    Give the ``FormCode`` of a system code, or say which there are.

    :param form_code: system code, such as ``FA (3)``.
    :param forms: those that the session takes.
    :param session: names the kind of session.
    :raises KsefInputError: where the session does not take this form.
    """
    if form_code not in forms:
        raise KsefInputError(
            "form_code",
            form_code,
            f"is not a form that {session} takes",
            f"Give one of: {', '.join(forms)}; mind the space.",
        )
    return forms[form_code]
