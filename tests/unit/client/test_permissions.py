from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import permission_queries, permissions, waiting
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
from airflow_provider_ksef.client.permission_results import PartyIdentifier, SubjectPersonDetails
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import (
    KsefInputError,
    KsefIntegrityError,
    KsefStatusError,
    KsefTimeoutError,
)
from tests.contract.permission_calls import (
    ABROAD,
    BY_FP_NO_ID,
    BY_ID,
    COMPANY,
    COMPOSITE,
    GRANTS,
    HOLDER,
    OPERATION,
    OTHER,
    PERMISSION,
    UNIT,
    WORKER,
)
from tests.unit.client.fake_ksef import NIP, FakeKsef

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


def status(code: int, *details: str) -> httpx.Response:
    body = {"code": code, "description": "Opis", "details": list(details)}
    return httpx.Response(200, json={"status": body})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask at once again."""
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (400, "does not say why"),
        (410, "do not fit each other"),
        (420, "lacks the permission"),
        (430, "lacks the role"),
        (440, "not related"),
        (450, "identifier of this type"),
        (500, "unknown reason"),
        (550, "broke off"),
        (499, "Look the code up"),
    ],
)
def test_an_operation_that_fails_tells_the_meaning_of_its_code(code: int, meaning: str) -> None:
    ksef = FakeKsef(
        replies={f"GET /permissions/operations/{OPERATION}": [status(100), status(code, "Bo tak")]}
    )
    with ksef.sync_client() as client, pytest.raises(KsefStatusError) as failed:
        client.run(permissions.wait_for_operation(OPERATION))
    assert (failed.value.code, failed.value.details) == (code, ("Bo tak",))
    assert {OPERATION, "Opis", "Bo tak", meaning} == {
        part for part in (OPERATION, "Opis", "Bo tak", meaning) if part in str(failed.value)
    }


@pytest.mark.usefixtures("impatient")
def test_an_operation_is_waited_for() -> None:
    path = f"GET /permissions/operations/{OPERATION}"
    ksef = FakeKsef(replies={path: [status(100), status(100), status(200)]})
    with ksef.sync_client() as client:
        client.run(permissions.wait_for_operation(OPERATION))
        assert ksef.counts[path] == 3
        ksef.replies[path] = [status(100)]
        with pytest.raises(KsefTimeoutError, match=OPERATION):
            client.run(permissions.wait_for_operation(OPERATION, patience=0))


ITEM = {
    "id": PERMISSION,
    "authorizedIdentifier": {"type": "Fingerprint", "value": HOLDER.value},
    "authorIdentifier": {"type": "System"},
    "targetIdentifier": {"type": "AllPartners", "value": None},
    "permissionScope": "SomeDay",
    "description": "na próbę",
    "subjectPersonDetails": {
        "subjectDetailsType": "PersonByFingerprintWithoutIdentifier",
        "firstName": "Hans",
        "lastName": "Muster",
        "birthDate": "1980-02-29",
        "idDocument": {"type": "Passport", "number": "1", "country": "DE"},
        "someDay": 1,
    },
    "permissionState": "Active",
    "startDate": "2026-09-01T12:00:00.1234567+00:00",
    "canDelegate": False,
    "someDay": {"a": [1.5]},
}
SEARCH = "/permissions/query/persons/grants"


def searched(*pages: dict[str, Any]) -> FakeKsef:
    return FakeKsef(replies={f"POST {SEARCH}": [httpx.Response(200, json=page) for page in pages]})


def test_a_permission_is_read_with_all_that_is_known_of_it() -> None:
    ksef = searched({"permissions": [ITEM], "hasMore": False, "someDay": True})
    with ksef.sync_client() as client:
        (found,) = client.run(permission_queries.query_persons_grants(PersonPermissionsQueryRequest()))
    assert found.start_date == datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert found.author_identifier == PartyIdentifier("System")
    assert found.target_identifier == PartyIdentifier("AllPartners")
    assert found.context_identifier is found.subject_entity_details is None
    assert found.permission_scope == "SomeDay"
    assert found.subject_person_details == SubjectPersonDetails(
        "PersonByFingerprintWithoutIdentifier",
        "Hans",
        "Muster",
        birth_date=date(1980, 2, 29),
        id_document=IdDocument("Passport", "1", "DE"),
    )


@pytest.mark.parametrize(
    "change",
    [{"id": None}, {"startDate": "yesterday"}, {"canDelegate": "no"}, {"authorIdentifier": {"value": "1"}}],
)
def test_an_answer_that_is_not_as_promised_is_told(change: dict[str, Any]) -> None:
    ksef = searched({"permissions": [ITEM | change], "hasMore": False})
    with ksef.sync_client() as client, pytest.raises(KsefIntegrityError, match=SEARCH):
        client.run(permission_queries.query_persons_grants(PersonPermissionsQueryRequest()))


def test_searches_go_on_to_their_last_page() -> None:
    pages = [{"permissions": [ITEM | {"description": str(page)}], "hasMore": page < 2} for page in range(3)]
    ksef = searched(*pages)
    request = PersonPermissionsQueryRequest(permission_types=["InvoiceRead"])
    with ksef.sync_client() as client:
        found = client.run(permission_queries.query_persons_grants(request))
    assert [each.description for each in found] == ["0", "1", "2"]
    asked = [each for each in ksef.requests if each.url.path == f"/v2{SEARCH}"]
    assert [each.url.params["pageOffset"] for each in asked] == ["0", "1", "2"]
    assert {each.content for each in asked} == {asked[0].content}
    assert json.loads(asked[0].content) == {
        "queryType": "PermissionsInCurrentContext",
        "permissionTypes": ["InvoiceRead"],
    }


def test_ones_own_permissions_come_with_those_of_an_owner() -> None:
    own = {name: value for name, value in ITEM.items() if not name.startswith("auth")}
    pages = [
        {"permissions": [own], "hasMore": True, "ownerPermissions": ["InvoiceRead"]},
        {"permissions": [own], "hasMore": False, "ownerPermissions": ["InvoiceRead"]},
    ]
    replies: list[Any] = [httpx.Response(200, json=page) for page in pages]
    ksef = FakeKsef(replies={"POST /permissions/query/personal/grants": replies})
    with ksef.sync_client() as client:
        told = client.run(permission_queries.query_personal_grants())
    assert (len(told.permissions), told.owner_permissions) == (2, ("InvoiceRead",))


def test_who_gets_a_permission_is_told_to_ksef_in_words() -> None:
    assert BY_ID.to_json() == {
        "subjectDetailsType": "PersonByIdentifier",
        "personById": {"firstName": "Anna", "lastName": "Abacka"},
    }
