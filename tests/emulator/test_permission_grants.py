"""Giving permissions and taking them away: what is checked at once, and how operations end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.entering import entered, make
from tests.emulator.granting import (
    CLIENT,
    OFFICE,
    OTHER,
    WITHOUT_NUMBER,
    ask,
    enter_abroad,
    enter_below,
    give,
    given,
    identifier,
    looked_up,
    outcome_of,
    take,
    to_administrator,
    to_administrator_abroad,
    to_authorized,
    to_entity,
    to_person,
)
from tests.emulator.peer import Peer, error_code
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, EmulatorProcess

BODIES: dict[str, dict[str, Any]] = {
    "persons": to_person("InvoiceRead"),
    "entities": to_entity("InvoiceRead"),
    "authorizations": to_authorized("SelfInvoicing"),
    "indirect": to_person("InvoiceRead"),
    "subunits": to_administrator(),
    "eu-entities/administration": to_administrator_abroad(person("IDCDE-1")),
    "eu-entities": to_person(
        "InvoiceRead", kind="Fingerprint", value="A" * 64, subjectDetails=WITHOUT_NUMBER
    ),
}


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"a short description of {path}": (path, {"description": "opis"}) for path in BODIES},
    **{f"no details for {path}": (path, {"subjectDetails": None}) for path in BODIES},
    "no permission": ("persons", {"permissions": []}),
    "one permission twice": ("persons", {"permissions": ["InvoiceRead", "InvoiceRead"]}),
    "an unknown permission": ("persons", {"permissions": ["VatUeManage"]}),
    "a wrong PESEL": ("persons", {"subjectIdentifier": identifier("Pesel", "30992206276")}),
    "no value": ("persons", {"subjectIdentifier": identifier("Pesel")}),
    "a short fingerprint": (
        "persons",
        {"subjectIdentifier": identifier("Fingerprint", "A" * 63)},
    ),
    "details of another sort": ("persons", {"subjectDetails": {"subjectDetailsType": "PersonByIdentifier"}}),
    "a country in small letters": (
        "eu-entities",
        {
            "subjectDetails": WITHOUT_NUMBER
            | {
                "personByFpNoId": WITHOUT_NUMBER["personByFpNoId"]  # type: ignore[operator]
                | {"idDocument": {"type": "Passport", "number": "1", "country": "de"}}
            }
        },
    ),
    "a company by PESEL": ("entities", {"subjectIdentifier": identifier("Pesel", "30112206276")}),
    "what no company is given": ("entities", {"permissions": [{"type": "CredentialsManage"}]}),
    "one twice to a company": ("entities", {"permissions": [{"type": "InvoiceRead"}] * 2}),
    "all partners with a number": ("indirect", {"targetIdentifier": identifier("AllPartners", NIP)}),
    "a part without name": ("subunits", {"subunitName": None}),
    "a part with a wrong check digit": (
        "subunits",
        {"contextIdentifier": identifier("InternalId", f"{NIP}-12345")},
    ),
    "a composite context that is none": (
        "eu-entities/administration",
        {"contextIdentifier": identifier("NipVatUe", f"{NIP}-PL{NIP}")},
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_21405(owner: Peer, case: str) -> None:
    path, changes = WRONG[case]
    if path == "eu-entities":
        owner = enter_abroad(owner.emulator, person("IDCDE-1"))
    assert error_code(owner.http.post(f"/permissions/{path}/grants", json=BODIES[path] | changes)) == 21405


@pytest.mark.parametrize("path", BODIES)
def test_a_reader_of_invoices_manages_nothing(owner: Peer, path: str) -> None:
    given(owner, "persons", to_person("InvoiceRead", kind="Nip", value=OTHER))
    reader = entered(owner.emulator, seal(f"VATPL-{OTHER}"))
    refused = reader.http.post(f"/permissions/{path}/grants", json=BODIES[path])
    assert refused.status_code == 403
    assert refused.json()["reasonCode"] == "missing-permissions"


def test_an_owner_has_all_but_the_management_of_eu_entities(owner: Peer) -> None:
    for path, body in BODIES.items():
        answer = owner.http.post(f"/permissions/{path}/grants", json=body)
        assert answer.status_code == (403 if path == "eu-entities" else 202), path


def of_group(peer: Peer, *members: str) -> None:
    make(
        peer,
        "subject",
        subjectNip=NIP,
        subjectType="VatGroup",
        description="Grupa VAT",
        subunits=[{"subjectNip": each, "description": "członek grupy"} for each in members],
    )


def of_bailiff(peer: Peer) -> None:
    make(peer, "person", nip=NIP, pesel="65010112340", isBailiff=True, description="Komornik")


PROVIDER = ("PeppolId", "PPL123456")
ENDINGS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "enforcement without the role": (430, "persons", to_person("EnforcementOperations")),
    "a client that allowed nothing": (
        200,
        "indirect",
        to_person("InvoiceRead", targetIdentifier=identifier("Nip", CLIENT)),
    ),
    "oneself as client": (
        410,
        "indirect",
        to_person("InvoiceRead", targetIdentifier=identifier("Nip", NIP)),
    ),
    "all clients": (
        200,
        "indirect",
        to_person("InvoiceRead", targetIdentifier=identifier("AllPartners")),
    ),
    "another's part": (410, "subunits", to_administrator(("InternalId", "6824515772-12343"))),
    "a company below no group": (430, "subunits", to_administrator(("Nip", OTHER))),
    "another's composite context": (
        410,
        "eu-entities/administration",
        to_administrator_abroad(person("IDCDE-1"), f"{OTHER}-DE123456789"),
    ),
    "oneself as company": (410, "entities", to_entity("InvoiceRead", nip=NIP)),
    "PEF by a company": (450, "authorizations", to_authorized("PefInvoicing")),
    "PEF by a provider": (200, "authorizations", to_authorized("PefInvoicing", *PROVIDER)),
    "self-invoicing by a provider": (450, "authorizations", to_authorized("SelfInvoicing", *PROVIDER)),
    "self-invoicing by oneself": (410, "authorizations", to_authorized("SelfInvoicing", value=NIP)),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_what_cannot_be_is_told_by_the_operation(owner: Peer, case: str) -> None:
    code, path, body = ENDINGS[case]
    assert give(owner, path, body) == code


def test_a_bailiff_lets_others_enforce(owner: Peer) -> None:
    of_bailiff(owner)
    assert give(owner, "persons", to_person("EnforcementOperations")) == 200


@pytest.mark.parametrize(("member", "code"), [(OTHER, 200), (CLIENT, 410)])
def test_a_group_appoints_for_its_members_only(owner: Peer, member: str, code: int) -> None:
    of_group(owner, OTHER)
    assert give(owner, "subunits", to_administrator(("Nip", member))) == code


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("persons", to_person("SubunitManage")),
        ("authorizations", to_authorized("SelfInvoicing")),
        ("indirect", to_person("InvoiceRead")),
        ("eu-entities/administration", to_administrator_abroad(person("IDCDE-1"))),
    ],
)
def test_a_part_of_a_company_gives_for_itself_only(owner: Peer, path: str, body: dict[str, Any]) -> None:
    assert give(enter_below(owner.emulator), path, body) == 430


def test_of_several_permissions_all_are_given_or_none(owner: Peer) -> None:
    assert give(owner, "persons", to_person("InvoiceRead", "EnforcementOperations")) == 430
    assert looked_up(owner, "persons/grants", queryType="PermissionsInCurrentContext") == []


def test_what_was_given_is_not_given_again(owner: Peer) -> None:
    given(owner, "entities", to_entity("InvoiceRead"))
    (before,) = looked_up(owner, "persons/grants", queryType="PermissionsInCurrentContext")
    given(owner, "entities", to_entity("InvoiceRead", can_delegate=True))
    (after,) = looked_up(owner, "persons/grants", queryType="PermissionsInCurrentContext")
    assert before["canDelegate"] is False
    assert after == before | {"canDelegate": True}


def test_an_operation_is_its_contexts_and_kept_for_30_days(prompt: EmulatorProcess) -> None:
    owner = entered(prompt, seal())
    reference = ask(owner, "persons", to_person("InvoiceRead"))
    assert outcome_of(owner, reference) == 200
    assert error_code(owner.http.get(f"/permissions/operations/{reference[:-2]}ZZ")) == 21405
    other = entered(prompt, seal(f"VATPL-{OTHER}"), ("Nip", OTHER))
    assert other.http.get(f"/permissions/operations/{reference}").status_code == 403
    prompt.control("clock", advance=30 * 86_400 + 60)
    late = entered(prompt, seal())
    assert late.http.get(f"/permissions/operations/{reference}").status_code == 410


@pytest.mark.parametrize("code", [400, 410, 420, 430, 440, 450, 500, 550])
def test_operations_end_as_ordered(owner: Peer, code: int) -> None:
    owner.emulator.control("faults", kind="permission-status", code=code)
    assert give(owner, "persons", to_person("InvoiceRead")) == code
    assert looked_up(owner, "persons/grants", queryType="PermissionsInCurrentContext") == []


def test_only_who_may_takes_away(owner: Peer) -> None:
    given(owner, "entities", to_entity("InvoiceRead"))
    given(owner, "persons", to_person("SubunitManage", kind="Nip", value=OTHER))
    given(owner, "subunits", to_administrator())
    entity, manager = looked_up(
        owner, "persons/grants", queryType="PermissionsInCurrentContext", permissionState="Active"
    )[::-1]
    (administrator,) = looked_up(owner, "subunits/grants")
    office = entered(owner.emulator, seal(f"VATPL-{OFFICE}"), ("Nip", OFFICE))
    helper = entered(owner.emulator, seal(f"VATPL-{OTHER}"))
    assert entity["permissionScope"] == "InvoiceRead"
    assert take(office, entity["id"]) == 410
    assert take(helper, entity["id"]) == 420
    assert take(helper, administrator["id"]) == 200
    assert take(owner, entity["id"].upper()) == 200
    assert take(owner, entity["id"]) == 410
    assert take(owner, manager["id"], path="authorizations") == 410
    assert error_code(owner.http.delete("/permissions/common/grants/1")) == 21405


def test_authorizations_are_taken_away_by_who_gave_them(owner: Peer) -> None:
    given(owner, "authorizations", to_authorized("SelfInvoicing"))
    query = {"name": "authorizationGrants", "queryType": "Granted"}
    (found,) = looked_up(owner, "authorizations/grants", **query)
    other = entered(owner.emulator, seal(f"VATPL-{OTHER}"), ("Nip", OTHER))
    assert take(other, found["id"], path="authorizations") == 410
    assert take(owner, found["id"]) == 410
    assert take(owner, found["id"], path="authorizations") == 200
    assert looked_up(owner, "authorizations/grants", **query) == []
