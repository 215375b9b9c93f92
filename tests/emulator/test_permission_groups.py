"""Administrators of what is below a company: members of VAT groups, units of local governments, parts."""

from __future__ import annotations

from tests.emulator.entering import make
from tests.emulator.entitled import EMPLOYEE, HELD, code_of, may, of, only_id, roles_of
from tests.emulator.granting import (
    CLIENT,
    OTHER,
    UNIT,
    enter_below,
    given,
    identifier,
    looked_up,
    take,
    to_administrator,
    to_person,
)
from tests.emulator.peer import Peer
from tests.emulator_process import NIP


def test_a_vat_group_appoints_administrators_of_its_members(owner: Peer) -> None:
    """Scenario 3 of the guide to test data."""
    member = {"subjectNip": OTHER, "description": "członek grupy VAT"}
    make(owner, "subject", subjectNip=NIP, subjectType="VatGroup", description="Grupa VAT", subunits=[member])
    given(owner, "subunits", to_administrator(("Nip", OTHER)))
    assert may(owner, EMPLOYEE, ("Nip", OTHER)) == ["CredentialsManage"]
    assert may(owner, EMPLOYEE) is None
    administrator = of(owner, OTHER, EMPLOYEE)
    given(administrator, "persons", to_person("InvoiceRead"))
    assert may(owner, EMPLOYEE, ("Nip", OTHER)) == ["CredentialsManage", "InvoiceRead"]
    (below,) = looked_up(owner, "subordinate-entities/roles", "roles")
    assert (below["role"], below["subordinateEntityIdentifier"]) == (
        "VatGroupSubUnit",
        identifier("Nip", OTHER),
    )
    assert (
        looked_up(
            owner,
            "subordinate-entities/roles",
            "roles",
            subordinateEntityIdentifier=identifier("Nip", CLIENT),
        )
        == []
    )
    roles = of(owner, OTHER).http.get("/permissions/query/entities/roles").json()["roles"]
    assert [(each["role"], each["parentEntityIdentifier"]["value"]) for each in roles] == [
        ("VatGroupSubUnit", NIP)
    ]
    assert take(owner, only_id(owner, "subunits/grants")) == 200
    assert may(owner, EMPLOYEE, ("Nip", OTHER)) == ["InvoiceRead"]


def test_a_local_government_has_units_of_two_kinds(owner: Peer) -> None:
    school = {"subjectNip": OTHER, "description": "szkoła podstawowa"}
    make(owner, "subject", subjectNip=NIP, subjectType="JST", description="Gmina Łódź", subunits=[school])
    given(owner, "subunits", to_administrator(("Nip", OTHER)))
    given(owner, "subunits", to_administrator(("InternalId", UNIT)))
    for place in (("Nip", OTHER), ("InternalId", UNIT)):
        assert may(owner, EMPLOYEE, place) == ["CredentialsManage"]
        found = looked_up(owner, "subunits/grants", subunitIdentifier=identifier(*place))
        assert [each["subunitIdentifier"] for each in found] == [identifier(*place)]
        assert found[0]["subunitName"] == "Oddział w Łodzi"
    assert [each["role"] for each in roles_of(owner)] == ["LocalGovernmentUnit"]


def test_a_part_of_a_company_sends_for_it_and_is_left_alone_by_others(
    owner: Peer, sales: dict[str, bytes]
) -> None:
    part = enter_below(owner.emulator)
    assert [code_of(each) for each in part.send_files(sales)] == [200] * 5
    assert len(looked_up(part, "persons/grants", **HELD)) == 5
    assert looked_up(owner, "persons/grants", **HELD) == []
    assert len(looked_up(part, "personal/grants", contextIdentifier=identifier("InternalId", UNIT))) == 5
    assert looked_up(part, "personal/grants", contextIdentifier=identifier("Nip", NIP)) == []
