"""For whom a context may issue invoices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from airflow_provider_ksef.emulator.documents import FORMS, AuthorizedSubject
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.rights import may_issue
from airflow_provider_ksef.emulator.synthetic import synthesize

NIP, MEMBER, BAILIFF, AUTHORITY = "5250001210", "1111111111", "7980332920", "5110203043"
BUYER, AGENT, PROVIDER = "1130405061", "9522161924", "PPL123456"
SALE = replace(
    synthesize(NIP, "Subject1", 0, 1, date(2026, 3, 31)).facts,
    is_self_invoicing=False,
    authorized_subject=None,
    buyer_type="Nip",
    buyer_value=BUYER,
)
ALLOWED = {
    (BUYER, "SelfInvoicing"),
    (BUYER, "RRInvoicing"),
    (AGENT, "TaxRepresentative"),
    (PROVIDER, "PefInvoicing"),
}


class Known:
    """Who is related to whom in these tests."""

    def __init__(self, allowed: set[tuple[str, str]] = ALLOWED) -> None:
        self._allowed = allowed

    def parents(self, nip: str) -> set[str]:
        return {NIP} if nip == MEMBER else set()

    def has_role(self, nip: str, role: str) -> bool:
        return (nip, role) in {(BAILIFF, "CourtBailiff"), (AUTHORITY, "EnforcementAuthority")}

    def allows(self, seller_nip: str, authorized: Identity, permission: str) -> bool:
        return seller_nip == NIP and (authorized.value, permission) in self._allowed


def named(nip: str, role: int) -> AuthorizedSubject:
    return AuthorizedSubject(nip, None, role)


@pytest.mark.parametrize(
    ("context", "on_invoice", "may"),
    [
        (f"Nip:{NIP}", {}, True),
        (f"InternalId:{NIP}-12346", {}, True),
        (f"Nip:{MEMBER}", {}, True),
        (f"Nip:{BAILIFF}", {}, False),
        (f"Nip:{BAILIFF}", {"authorized_subject": named(BAILIFF, 2)}, True),
        (f"Nip:{BAILIFF}", {"authorized_subject": named(BAILIFF, 1)}, False),
        (f"Nip:{BAILIFF}", {"authorized_subject": named(AUTHORITY, 2)}, False),
        (f"Nip:{AUTHORITY}", {"authorized_subject": named(AUTHORITY, 1)}, True),
        (f"Nip:{AUTHORITY}", {"authorized_subject": named(AUTHORITY, 2)}, False),
        (f"Nip:{AUTHORITY}", {"authorized_subject": named(AUTHORITY, 3)}, False),
        ("Nip:9999999999", {"authorized_subject": named("9999999999", 1)}, False),
        (f"NipVatUe:{NIP}-DE123456789", {}, False),
        (f"PeppolId:{PROVIDER}", {}, False),
    ],
)
def test_who_may_issue(context: str, on_invoice: dict[str, Any], may: bool) -> None:
    assert may_issue(replace(SALE, **on_invoice), Identity.parse(context), Known()) is may


AUTHORIZED: dict[str, tuple[str, dict[str, Any]]] = {
    "the buyer who invoices itself": (f"Nip:{BUYER}", {"is_self_invoicing": True}),
    "the buyer of a farmer": (f"Nip:{BUYER}", {"form": FORMS["FA_RR (1)"]}),
    "the tax representative": (f"Nip:{AGENT}", {"authorized_subject": named(AGENT, 3)}),
    "the Peppol provider": (f"PeppolId:{PROVIDER}", {"form": FORMS["PEF (3)"]}),
    "the Peppol provider who corrects": (f"PeppolId:{PROVIDER}", {"form": FORMS["PEF_KOR (3)"]}),
}


@pytest.mark.parametrize("case", AUTHORIZED)
def test_who_needs_an_authorization(case: str) -> None:
    context, on_invoice = AUTHORIZED[case]
    facts, who = replace(SALE, **on_invoice), Identity.parse(context)
    assert may_issue(facts, who, Known())
    assert not may_issue(SALE, who, Known())
    assert not may_issue(facts, who, Known(set()))
    assert not may_issue(replace(facts, seller_nip=MEMBER), who, Known())
    needed = {
        (nip, permission) for nip, permission in ALLOWED if may_issue(facts, who, Known({(nip, permission)}))
    }
    assert len(needed) == 1


def test_a_company_abroad_invoices_itself_in_its_composite_context() -> None:
    context = Identity("NipVatUe", f"{NIP}-DE123456789")
    abroad = {"buyer_type": "VatUe", "buyer_value": "DE123456789", "is_self_invoicing": True}
    assert may_issue(replace(SALE, **abroad), context, None)
    for change in ({"is_self_invoicing": False}, {"buyer_value": "DE987654321"}, {"seller_nip": MEMBER}):
        assert not may_issue(replace(SALE, **abroad | change), context, Known())


def test_without_relations_each_issues_for_itself() -> None:
    assert may_issue(SALE, Identity("Nip", NIP), None)
    assert not may_issue(SALE, Identity("Nip", MEMBER), None)
