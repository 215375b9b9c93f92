"""Operations on permissions are waited for, and permissions are read with all that is known of them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import permission_queries, permissions, waiting
from airflow_provider_ksef.client.permission_details import IdDocument
from airflow_provider_ksef.client.permission_filters import PersonPermissionsQueryRequest
from airflow_provider_ksef.client.permission_results import PartyIdentifier, SubjectPersonDetails
from airflow_provider_ksef.exceptions import KsefIntegrityError, KsefStatusError, KsefTimeoutError
from tests.contract.permission_calls import BY_ID, HOLDER, OPERATION, PERMISSION
from tests.unit.client.fake_ksef import FakeKsef


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
