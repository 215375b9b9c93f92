"""What a permission of a person lets it do, at the login and afterwards: scenarios of the official guides."""

from __future__ import annotations

from tests.emulator.entering import PESEL, make
from tests.emulator.entitled import EMPLOYEE, GIVEN, HELD, code_of, may, of, today
from tests.emulator.granting import (
    CLIENT,
    OFFICE,
    OTHER,
    WITHOUT_NUMBER,
    given,
    identifier,
    looked_up,
    take,
    to_entity,
    to_person,
)
from tests.emulator.peer import Peer
from tests.emulator.signing import seal
from tests.emulator_process import NIP


def test_an_employee_works_until_it_is_taken_back(owner: Peer, sales: dict[str, bytes]) -> None:
    assert may(owner, EMPLOYEE) is None
    given(owner, "persons", to_person("InvoiceWrite", "Introspection"))
    assert may(owner, EMPLOYEE) == ["Introspection", "InvoiceWrite"]
    employee = of(owner, NIP, EMPLOYEE)
    assert [code_of(each) for each in employee.send_files(sales)] == [200] * 5
    assert employee.query(today("Subject1")).status_code == 403
    for permission in looked_up(owner, "persons/grants", **GIVEN):
        assert take(owner, permission["id"]) == 200
    assert may(owner, EMPLOYEE) is None


def test_a_manager_who_is_no_owner_gives_permissions(owner: Peer) -> None:
    given(owner, "persons", to_person("CredentialsManage"))
    manager = of(owner, NIP, EMPLOYEE)
    given(manager, "persons", to_person("InvoiceRead", kind="Nip", value=OTHER))
    assert may(owner, seal(f"VATPL-{OTHER}")) == ["InvoiceRead"]
    assert manager.query(today()).status_code == 403
    given(manager, "persons", to_person("InvoiceRead"))
    assert may(owner, EMPLOYEE) == ["CredentialsManage", "InvoiceRead"]
    # what an administrator gave outlives the administrator
    for each in looked_up(owner, "persons/grants", **GIVEN):
        assert take(owner, each["id"]) == 200
    assert may(owner, seal(f"VATPL-{OTHER}")) == ["InvoiceRead"]


def test_a_bailiff_enforces_and_lets_others_do_so(owner: Peer) -> None:
    """Scenario 1 of the guide to test data."""
    make(owner, "person", nip=OTHER, pesel=PESEL, isBailiff=True, description="Komornik")
    assert may(owner, EMPLOYEE, ("Nip", OTHER)) == ["Owner", "EnforcementOperations"]
    bailiff = of(owner, OTHER, EMPLOYEE)
    assert [
        each["role"] for each in bailiff.http.get("/permissions/query/entities/roles").json()["roles"]
    ] == ["CourtBailiff"]
    given(bailiff, "persons", to_person("EnforcementOperations", kind="Nip", value=CLIENT))
    assert may(owner, seal(f"VATPL-{CLIENT}"), ("Nip", OTHER)) == ["EnforcementOperations"]


def test_a_sole_trader_owns_the_company_by_pesel_too(owner: Peer) -> None:
    """Scenario 2 of the guide to test data."""
    make(owner, "person", nip=OTHER, pesel=PESEL, isBailiff=False, description="JDG na próbę")
    trader = of(owner, OTHER, EMPLOYEE)
    answer = trader.http.post("/permissions/query/personal/grants", json={}).json()
    assert answer["permissions"] == []
    assert {"InvoiceWrite", "CredentialsManage", "SubunitManage"} <= set(answer["ownerPermissions"])
    assert not {"VatUeManage", "EnforcementOperations"} & set(answer["ownerPermissions"])


def test_who_manages_collective_identifiers_reads_and_sends_nothing(owner: Peer) -> None:
    given(owner, "entities", to_entity("CollectiveIdentifierManage", can_delegate=True))
    given(of(owner, OFFICE), "indirect", to_person("CollectiveIdentifierManage"))
    dates = {"dateCreatedFrom": "2026-03-01T00:00:00Z", "dateCreatedTo": "2026-03-31T00:00:00Z"}
    for signer in (seal(f"VATPL-{OFFICE}"), EMPLOYEE):
        manager = of(owner, NIP, signer)
        assert manager.http.post("/collective-identifiers/query", json=dates).status_code == 200
        assert manager.query(today()).status_code == manager.open_online().status_code == 403


def test_a_token_has_what_its_author_still_has(owner: Peer) -> None:
    given(owner, "persons", to_person("InvoiceRead", "InvoiceWrite"))
    author = of(owner, NIP, EMPLOYEE)
    made = author.http.post(
        "/tokens", json={"permissions": ["InvoiceRead", "InvoiceWrite"], "description": "do synchronizacji"}
    ).json()["token"]
    robot = Peer(owner.emulator)
    robot.log_in(made)
    assert robot.open_online().status_code == 201
    (writes,) = looked_up(owner, "persons/grants", **HELD, permissionTypes=["InvoiceWrite"])
    assert take(owner, writes["id"]) == 200
    robot.log_in(made)
    assert robot.open_online().status_code == 403
    assert robot.query(today()).status_code == 200


def test_pages_are_told_as_long_as_there_are_more(owner: Peer) -> None:
    numbers = [f"{value:064X}" for value in range(12)]
    for number in numbers:
        given(
            owner,
            "persons",
            to_person("InvoiceRead", kind="Fingerprint", value=number, subjectDetails=WITHOUT_NUMBER),
        )
    search = "/permissions/query/persons/grants"
    seen, offset, has_more = [], 0, True
    while has_more:
        page = owner.http.post(search, json=HELD, params={"pageOffset": offset}).json()
        seen += [each["authorizedIdentifier"]["value"] for each in page["permissions"]]
        offset, has_more = offset + 1, page["hasMore"]
    assert (offset, seen) == (2, numbers[::-1])
    for wrong in ({"pageOffset": -1}, {"pageSize": 9}, {"pageSize": 101}):
        assert owner.http.post(search, json=HELD, params=wrong).status_code == 400


def test_test_data_are_given_by_the_system_and_managed_as_the_rest(owner: Peer) -> None:
    make(
        owner,
        "permissions",
        contextIdentifier=identifier("nip", NIP),
        authorizedIdentifier=identifier("pesel", PESEL),
        permissions=[{"permissionType": "InvoiceRead", "description": "praca w kontekście"}],
    )
    (found,) = looked_up(
        owner,
        "persons/grants",
        **HELD,
        authorIdentifier=identifier("System"),
    )
    assert found["authorIdentifier"] == identifier("System")
    assert looked_up(owner, "persons/grants", **GIVEN) == []
    assert take(owner, found["id"]) == 200
    assert may(owner, EMPLOYEE) is None
