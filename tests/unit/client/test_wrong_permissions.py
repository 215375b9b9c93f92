"""Permissions that nobody can have are refused with the rule, before KSeF is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from airflow_provider_ksef.client import permissions
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_details import (
    EntityByFp,
    EntityDetails,
    IdDocument,
    PersonByFpNoId,
    PersonByFpWithId,
    PersonById,
)
from airflow_provider_ksef.client.permission_filters import (
    EntityAuthorizationPermissionsQueryRequest,
    EuEntityPermissionsQueryRequest,
    PersonalPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
    SubordinateEntityRolesQueryRequest,
    SubunitPermissionsQueryRequest,
)
from airflow_provider_ksef.client.permission_grants import EntityPermission
from airflow_provider_ksef.client.permission_identifiers import (
    AuthorIdentifier,
    EntityIdentifier,
    PlaceIdentifier,
    TargetIdentifier,
)
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError
from tests.contract.permission_calls import (
    ABROAD,
    BY_FP_NO_ID,
    COMPANY,
    COMPOSITE,
    GRANTS,
    HOLDER,
    OTHER,
    PERMISSION,
    UNIT,
    WORKER,
)
from tests.unit.client.fake_ksef import NIP

PART = ContextIdentifier("InternalId", UNIT)
PERSON, ENTITY, INDIRECT = (GRANTS[name][0] for name in ("person", "entity", "indirect"))
SELF_INVOICING = GRANTS["authorization: SelfInvoicing"][0]
PART_ADMIN, ADMIN_BELOW = GRANTS["subunit: part"][0], GRANTS["subunit: company"][0]
ADMIN_ABROAD, ABROAD_WORKER = GRANTS["EU administrator: EntityByFp"][0], GRANTS["EU representative"][0]


def changed(request: GrantRequest, **changes: Any) -> Callable[[], object]:
    return lambda: replace(request, **changes)  # type: ignore[type-var]


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "a PESEL with a wrong checksum": (lambda: SubjectIdentifier("Pesel", "30112206277"), "value.*checksum"),
    "a NIP with a wrong checksum": (lambda: PlaceIdentifier("Nip", "5250001211"), "value.*checksum"),
    "a part with a wrong checksum": (lambda: PlaceIdentifier("InternalId", f"{NIP}-12345"), "checksum"),
    "a Polish VAT number as foreign": (lambda: PlaceIdentifier("NipVatUe", f"{NIP}-PL{NIP}"), "EU country"),
    "a fingerprint in small letters": (lambda: SubjectIdentifier("Fingerprint", "a" * 64), "upper case"),
    "a provider that is none": (lambda: EntityIdentifier("PeppolId", "PPL1"), "PPL000001"),
    "an unknown type": (lambda: TargetIdentifier("Pesel", "30112206276"), "Nip, InternalId, AllPartners"),
    "all partners by number": (lambda: TargetIdentifier("AllPartners", NIP), "Leave it out"),
    "a client without number": (lambda: TargetIdentifier("Nip"), "missing for type Nip"),
    "the system by number": (lambda: AuthorIdentifier("System", NIP), "Leave it out"),
    "a short first name": (lambda: PersonById("A", "Abacka"), "first_name.*2 to 30"),
    "a long last name": (lambda: PersonById("Anna", "A" * 82), "last_name.*2 to 81"),
    "a person's number that is none": (lambda: PersonByFpWithId("Anna", "Abacka", HOLDER), "identifier.type"),
    "a country in words": (
        lambda: PersonByFpNoId("Hans", "Muster", date(1980, 1, 1), IdDocument("Pass", "1", "Germany")),
        "id_document.country.*DE",
    ),
    "a long document number": (
        lambda: PersonByFpNoId("Hans", "Muster", date(1980, 1, 1), IdDocument("Pass", "1" * 21, "DE")),
        "id_document.number",
    ),
    "a long address": (lambda: EntityByFp("Muster", "x" * 513), "address.*512"),
    "a short company name": (lambda: EntityDetails("Beta"), "full_name.*5 to 90"),
    "no permission": (changed(PERSON, permissions=[]), "permissions.*CredentialsManage"),
    "a text for a list": (changed(PERSON, permissions="InvoiceRead"), "no list"),
    "an unknown permission": (changed(PERSON, permissions=["VatUeManage"]), "VatUeManage.*InvoiceRead"),
    "one permission twice": (changed(INDIRECT, permissions=["InvoiceRead"] * 2), "twice"),
    "a short description": (changed(PERSON, description="opis"), "description.*5 to 256"),
    "a long description": (changed(ABROAD_WORKER, description="x" * 257), "description.*5 to 256"),
    "papers of who has a number": (changed(PERSON, subject_details=BY_FP_NO_ID), "PersonById with a Nip"),
    "no papers of who has no number": (changed(PERSON, subject_identifier=HOLDER), "with a Fingerprint"),
    "a company by PESEL": (changed(ENTITY, subject_identifier=WORKER), "subject_identifier.type.*Nip"),
    "one twice to a company": (changed(ENTITY, permissions=[EntityPermission("InvoiceRead")] * 2), "twice"),
    "what no company is given": (lambda: EntityPermission("CredentialsManage"), "CollectiveIdentifierManage"),
    "PEF by a company": (changed(SELF_INVOICING, permission="PefInvoicing"), "PeppolId"),
    "self-invoicing by a provider": (
        changed(SELF_INVOICING, subject_identifier=EntityIdentifier("PeppolId", "PPL000001")),
        "PefInvoicing is for",
    ),
    "a part without name": (changed(PART_ADMIN, subunit_name=None), "subunit_name.*name"),
    "a short name of a part": (changed(PART_ADMIN, subunit_name="Łódź"), "subunit_name.*5 to 256"),
    "a composite context as part": (
        changed(PART_ADMIN, context_identifier=PlaceIdentifier("NipVatUe", ABROAD)),
        "context_identifier.type.*InternalId",
    ),
    "a part as composite context": (
        changed(ADMIN_ABROAD, context_identifier=PlaceIdentifier("InternalId", UNIT)),
        "context_identifier.type.*NipVatUe",
    ),
    "who acts abroad by PESEL": (changed(ABROAD_WORKER, subject_identifier=WORKER), "Fingerprint"),
    "a short name of a company abroad": (changed(ADMIN_ABROAD, eu_entity_name="GmbH"), "eu_entity_name"),
    "an unknown state": (lambda: PersonalPermissionsQueryRequest(permission_state="On"), "Active, Inactive"),
    "an unknown type of query": (lambda: PersonPermissionsQueryRequest("Mine"), "query_type"),
    "a composite context to search for": (
        lambda: SubunitPermissionsQueryRequest(PlaceIdentifier("NipVatUe", ABROAD)),
        "subunit_identifier",
    ),
    "a part as company below": (
        lambda: SubordinateEntityRolesQueryRequest(PlaceIdentifier("InternalId", UNIT)),
        "subordinate_entity_identifier",
    ),
    "a provider who allows something": (
        lambda: EntityAuthorizationPermissionsQueryRequest(
            "Received", EntityIdentifier("PeppolId", "PPL000001")
        ),
        "authorizing_identifier.type",
    ),
    "a VAT number of nowhere": (lambda: EuEntityPermissionsQueryRequest("GB123456789"), "EL is Greece"),
    "an id that is none": (lambda: permissions.revoke_common("1"), "permission_id"),
    "an id with more behind it": (
        lambda: permissions.revoke_authorization(f"{PERMISSION}/x"),
        "permission_id",
    ),
    "an operation that is none": (lambda: permissions.get_operation_status("1"), "reference_number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_refused_with_the_rule(case: str) -> None:
    make, text = WRONG[case]
    with pytest.raises(KsefInputError) as refused:
        make()
    assert re.search(text, str(refused.value)), str(refused.value)


IMPOSSIBLE: dict[str, tuple[GrantRequest, ContextIdentifier, str]] = {
    "a worker in a composite context": (PERSON, COMPOSITE, "context_type.*Nip or InternalId"),
    "enforcement in a part": (
        replace(PERSON, permissions=["EnforcementOperations"]),  # type: ignore[type-var]
        PART,
        "EnforcementOperations.*Nip context",
    ),
    "management of parts in a part": (
        replace(PERSON, permissions=["SubunitManage"]),  # type: ignore[type-var]
        PART,
        "SubunitManage.*Nip context",
    ),
    "oneself as company": (ENTITY, ContextIdentifier("Nip", OTHER), "the context itself"),
    "a company in a composite context": (ENTITY, COMPOSITE, "context_type"),
    "an authorization by a part": (SELF_INVOICING, PART, "context_type.*is Nip"),
    "an authorization of oneself": (SELF_INVOICING, ContextIdentifier("Nip", OTHER), "the context itself"),
    "passing on by a part": (INDIRECT, PART, "context_type"),
    "oneself as client": (GRANTS["indirect: Nip"][0], ContextIdentifier("Nip", OTHER), "target_identifier"),
    "a part of a part": (PART_ADMIN, PART, "context_type"),
    "another's part": (PART_ADMIN, ContextIdentifier("Nip", OTHER), f"does not begin with the NIP {OTHER}"),
    "oneself below": (ADMIN_BELOW, ContextIdentifier("Nip", OTHER), "the context itself"),
    "another's composite context": (ADMIN_ABROAD, ContextIdentifier("Nip", OTHER), "does not begin"),
    "an administrator from abroad": (ADMIN_ABROAD, COMPOSITE, "context_type"),
    "a representative in a company": (ABROAD_WORKER, COMPANY, "context_type.*NipVatUe"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_a_context_cannot_give_is_refused_with_the_rule(case: str) -> None:
    request, context, text = IMPOSSIBLE[case]
    with pytest.raises(KsefInputError) as refused:
        permissions.grant(request, context)
    assert re.search(text, str(refused.value)), str(refused.value)
