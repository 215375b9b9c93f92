"""For whom a context may issue invoices."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.taxpayers import COURT_BAILIFF, ENFORCEMENT_AUTHORITY

_ENFORCERS = {1: ENFORCEMENT_AUTHORITY, 2: COURT_BAILIFF}
_TAX_REPRESENTATIVE = 3


class Relations(Protocol):
    """How those who may be on an invoice belong together."""

    def parents(self, nip: str) -> set[str]:
        """The VAT groups and local governments that a NIP belongs to."""

    def has_role(self, nip: str, role: str) -> bool:
        """Whether a NIP is an enforcement authority or a bailiff."""

    def allows(self, seller_nip: str, authorized: Identity, permission: str) -> bool:
        """Whether a seller has authorized somebody to issue its invoices."""


def may_issue(facts: InvoiceFacts, context: Identity, relations: Relations | None) -> bool:
    """
    Whether somebody in a context may issue this invoice.

    :param relations: nothing where nobody is related to anybody.
    """
    if context.type == "NipVatUe":
        return _invoices_itself_from_abroad(facts, context)
    if context.nip == facts.seller_nip:
        return True
    if relations is None:
        return False
    permission, nip = _needed_authorization(facts, context), context.nip or ""
    return (
        (permission is not None and relations.allows(facts.seller_nip, context, permission))
        or facts.seller_nip in relations.parents(nip)
        or _enforces(facts, nip, relations)
    )


def _invoices_itself_from_abroad(facts: InvoiceFacts, context: Identity) -> bool:
    seller, _, buyer = context.value.partition("-")
    is_of_both = (facts.seller_nip, facts.buyer_type, facts.buyer_value) == (seller, "VatUe", buyer)
    return facts.is_self_invoicing and is_of_both


def _needed_authorization(facts: InvoiceFacts, context: Identity) -> str | None:
    """What the seller must have given the context: who is named on the invoice, and as what, decides."""
    if context.type == "PeppolId":
        return "PefInvoicing" if facts.form.value == "PEF" else None
    if context.type == "Nip" and context.value == facts.buyer_value:
        if facts.form == FORMS["FA_RR (1)"]:
            return "RRInvoicing"
        return "SelfInvoicing" if facts.is_self_invoicing else None
    authorized = facts.authorized_subject
    is_named = authorized is not None and (authorized.nip, authorized.role) == (
        context.value,
        _TAX_REPRESENTATIVE,
    )
    return "TaxRepresentative" if is_named else None


def _enforces(facts: InvoiceFacts, context_nip: str, relations: Relations) -> bool:
    authorized = facts.authorized_subject
    if authorized is None or authorized.nip != context_nip:
        return False
    role = _ENFORCERS.get(authorized.role)
    return role is not None and relations.has_role(context_nip, role)
