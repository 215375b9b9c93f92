"""For whom a context may issue invoices."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts
from airflow_provider_ksef.emulator.store.taxpayers import COURT_BAILIFF, ENFORCEMENT_AUTHORITY

_ENFORCERS = {1: ENFORCEMENT_AUTHORITY, 2: COURT_BAILIFF}


class Relations(Protocol):
    """How those who may be on an invoice belong together."""

    def parents(self, nip: str) -> set[str]:
        """The VAT groups and local governments that a NIP belongs to."""

    def has_role(self, nip: str, role: str) -> bool:
        """Whether a NIP is an enforcement authority or a bailiff."""


def may_issue(facts: InvoiceFacts, context_nip: str, relations: Relations | None) -> bool:
    """
    Whether the context with that NIP may issue this invoice.

    :param relations: nothing where nobody is related to anybody.
    """
    # what sellers grant to others (SelfInvoicing, TaxRepresentative, RRInvoicing, PefInvoicing) belongs here
    return (
        context_nip == facts.seller_nip
        or _is_buyer_from_a_farmer(facts, context_nip)
        or (relations is not None and facts.seller_nip in relations.parents(context_nip))
        or (relations is not None and _enforces(facts, context_nip, relations))
    )


def _is_buyer_from_a_farmer(facts: InvoiceFacts, context_nip: str) -> bool:
    return facts.form == FORMS["FA_RR (1)"] and context_nip == facts.buyer_value


def _enforces(facts: InvoiceFacts, context_nip: str, relations: Relations) -> bool:
    authorized = facts.authorized_subject
    if authorized is None or authorized.nip != context_nip:
        return False
    role = _ENFORCERS.get(authorized.role)
    return role is not None and relations.has_role(context_nip, role)
