"""What a permission lets one do, at the login and afterwards: the scenarios of the official guides."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.emulator.moments import WARSAW
from tests.emulator.entering import PESEL, entered, make, outcome, permissions, submit
from tests.emulator.granting import (
    ABROAD,
    CLIENT,
    OFFICE,
    OTHER,
    UNIT,
    WITHOUT_NUMBER,
    enter_abroad,
    enter_below,
    given,
    identifier,
    looked_up,
    scopes,
    take,
    to_administrator,
    to_authorized,
    to_entity,
    to_person,
)
from tests.emulator.peer import Peer, by_storage
from tests.emulator.signing import Signer, person, seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.pef_document import pef_document

NOBODY = (415, ["Brak przypisanych uprawnień"])
EMPLOYEE = person(f"PNOPL-{PESEL}")
RR = {"systemCode": "FA_RR (1)", "schemaVersion": "1-1E", "value": "FA_RR"}
HELD = {"queryType": "PermissionsInCurrentContext"}
GIVEN = {"queryType": "PermissionsGrantedInCurrentContext"}
PEF = {"systemCode": "PEF (3)", "schemaVersion": "2-1", "value": "PEF"}


@pytest.fixture
def owner(prompt: EmulatorProcess) -> Peer:
    """The owner of the company, by certificate."""
    return entered(prompt, seal())


def of(peer: Peer, nip: str, signer: Signer | None = None) -> Peer:
    """Somebody in a company's context: its owner where nobody is named."""
    return entered(peer.emulator, signer or seal(f"VATPL-{nip}"), ("Nip", nip))


def may(peer: Peer, signer: Signer, context: tuple[str, str] = ("Nip", NIP)) -> list[str] | None:
    """What somebody may do in a context; nothing where nobody lets them in."""
    visitor = Peer(peer.emulator)
    submitted = submit(visitor, signer, context)
    return None if outcome(visitor, submitted) == NOBODY else permissions(visitor, submitted)


def only_id(peer: Peer, path: str, **query: Any) -> str:
    (found,) = looked_up(peer, path, **query)
    identity: str = found["id"]
    return identity


def roles_of(peer: Peer) -> list[dict[str, Any]]:
    answer = peer.http.get("/permissions/query/entities/roles")
    found: list[dict[str, Any]] = answer.json()["roles"]
    return found


def authorizations(peer: Peer, kind: str, **query: Any) -> list[dict[str, Any]]:
    return looked_up(peer, "authorizations/grants", "authorizationGrants", queryType=kind, **query)


def today(subject: str = "Subject2") -> dict[str, Any]:
    """Filters for what was stored today."""
    return by_storage(subject, start=(datetime.now(WARSAW) - timedelta(days=1)).isoformat())


def code_of(invoice: dict[str, dict[str, int]]) -> int:
    return invoice["status"]["code"]


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


def test_a_company_handles_anothers_invoices(owner: Peer, sales: dict[str, bytes]) -> None:
    office = seal(f"VATPL-{OFFICE}")
    given(owner, "entities", to_entity("InvoiceWrite", "InvoiceRead"))
    assert may(owner, office) == ["InvoiceRead", "InvoiceWrite"]
    assert [code_of(each) for each in of(owner, NIP, office).send_files(sales)] == [200] * 5
    at_home = of(owner, OFFICE)
    assert scopes(looked_up(at_home, "entities/grants")) == ["InvoiceRead", "InvoiceWrite"]
    assert looked_up(at_home, "entities/grants", contextIdentifier=identifier("Nip", OTHER)) == []
    assert scopes(looked_up(at_home, "personal/grants")) == ["InvoiceRead", "InvoiceWrite"]
    given(at_home, "persons", to_person("InvoiceRead"))
    assert may(owner, EMPLOYEE) is None  # who works for the office does not work for its clients
    assert (
        looked_up(of(owner, OFFICE, EMPLOYEE), "personal/grants", contextIdentifier=identifier("Nip", NIP))
        == []
    )


def test_who_manages_collective_identifiers_reads_and_sends_nothing(owner: Peer) -> None:
    given(owner, "entities", to_entity("CollectiveIdentifierManage", can_delegate=True))
    given(of(owner, OFFICE), "indirect", to_person("CollectiveIdentifierManage"))
    dates = {"dateCreatedFrom": "2026-03-01T00:00:00Z", "dateCreatedTo": "2026-03-31T00:00:00Z"}
    for signer in (seal(f"VATPL-{OFFICE}"), EMPLOYEE):
        manager = of(owner, NIP, signer)
        assert manager.http.post("/collective-identifiers/query", json=dates).status_code == 200
        assert manager.query(today()).status_code == manager.open_online().status_code == 403


def test_an_office_passes_on_what_one_client_allows(owner: Peer) -> None:
    office = of(owner, OFFICE)
    selective = to_person("InvoiceRead", "InvoiceWrite", targetIdentifier=identifier("Nip", NIP))
    given(office, "indirect", selective)  # KSeF takes it though the client allowed nothing
    assert may(owner, EMPLOYEE) is None
    given(owner, "entities", to_entity("InvoiceRead"))
    assert may(owner, EMPLOYEE) is None  # it is the office's own, not to be passed on
    given(owner, "entities", to_entity("InvoiceRead", can_delegate=True))
    assert may(owner, EMPLOYEE) == ["InvoiceRead"]  # the office itself may not write
    assert may(owner, EMPLOYEE, ("Nip", CLIENT)) is None
    states = {
        each["permissionScope"]: each["permissionState"]
        for each in looked_up(office, "persons/grants", **HELD)
    }
    assert states == {"InvoiceRead": "Active", "InvoiceWrite": "Inactive"}
    assert (
        looked_up(
            owner,
            "persons/grants",
            **HELD,
            authorizedIdentifier=identifier("Pesel", PESEL),
        )
        == []
    )
    (own,) = looked_up(of(owner, NIP, EMPLOYEE), "personal/grants", permissionState="Active")
    assert own["targetIdentifier"] == identifier("Nip", NIP)
    assert own["contextIdentifier"] == identifier("Nip", OFFICE)
    assert take(owner, only_id(owner, "persons/grants", **HELD)) == 200
    assert may(owner, EMPLOYEE) is None


def test_an_office_passes_on_what_all_clients_allow(owner: Peer) -> None:
    office = of(owner, OFFICE)
    given(office, "indirect", to_person("InvoiceRead"))
    assert may(owner, EMPLOYEE) is None
    (waiting,) = looked_up(office, "persons/grants", **GIVEN)
    assert (waiting["permissionState"], waiting["targetIdentifier"]) == (
        "Inactive",
        identifier("AllPartners"),
    )
    for nip in (NIP, CLIENT):
        given(of(owner, nip), "entities", to_entity("InvoiceRead", "InvoiceWrite", can_delegate=True))
        assert may(owner, EMPLOYEE, ("Nip", nip)) == ["InvoiceRead"]
    (working,) = looked_up(
        office,
        "persons/grants",
        **HELD,
        targetIdentifier=identifier("AllPartners"),
    )
    assert working == waiting | {"permissionState": "Active"}
    assert take(office, working["id"]) == 200
    assert may(owner, EMPLOYEE) is None


def test_an_office_serves_a_part_of_a_company(owner: Peer) -> None:
    given(enter_below(owner.emulator), "entities", to_entity("InvoiceRead", can_delegate=True))
    office = of(owner, OFFICE)
    (received,) = looked_up(office, "personal/grants")
    assert received["contextIdentifier"] == identifier("InternalId", UNIT)
    given(office, "indirect", to_person("InvoiceRead", targetIdentifier=identifier("InternalId", UNIT)))
    assert may(owner, EMPLOYEE, ("InternalId", UNIT)) == ["InvoiceRead"]
    assert may(owner, EMPLOYEE) is None


def sale_to_germany(sales: dict[str, bytes], *, by_buyer: str) -> bytes:
    xml = next(iter(sales.values()))
    buyer = b"\\1<KodUE>DE</KodUE><NrVatUE>123456789</NrVatUE>"
    xml = re.sub(b"(<Podmiot2>.*?<DaneIdentyfikacyjne>).*?(?=<Nazwa>)", buyer, xml, count=1, flags=re.DOTALL)
    return re.sub(b"<P_17>.</P_17>", f"<P_17>{by_buyer}</P_17>".encode(), xml)


def test_a_company_abroad_invoices_itself_in_a_composite_context(
    owner: Peer, sales: dict[str, bytes]
) -> None:
    administrator, representative = person("IDCDE-1"), person("IDCDE-2")
    abroad = enter_abroad(owner.emulator, administrator)
    assert code_of(abroad.send_alone(sale_to_germany(sales, by_buyer="2"))) == 410
    accepted = abroad.send_alone(sale_to_germany(sales, by_buyer="1"))
    assert code_of(accepted) == 200
    owner.emulator.control("clock", advance=1)  # until it is stored for good
    found = abroad.query(today("Subject1")).json()["invoices"]
    assert [each["ksefNumber"] for each in found] == [accepted["ksefNumber"]]
    assert abroad.query(today("Subject2")).json()["invoices"] == found
    reading = to_person(
        "InvoiceRead", kind="Fingerprint", value=representative.fingerprint, subjectDetails=WITHOUT_NUMBER
    )
    given(abroad, "eu-entities", reading)
    reader = Peer(owner.emulator)
    by_fingerprint = submit(
        reader, representative, ("NipVatUe", ABROAD), identify_by="certificateFingerprint"
    )
    assert permissions(reader, by_fingerprint) == ["InvoiceRead"]
    assert reader.query(today("Subject1")).json()["invoices"] == found
    assert reader.open_online().status_code == 403
    everybody = looked_up(abroad, "eu-entities/grants")
    administration = ["Introspection", "InvoiceRead", "InvoiceWrite", "VatUeManage"]
    assert scopes(everybody) == sorted([*administration, "InvoiceRead"])
    assert {each["euEntityName"] for each in everybody} == {"Muster GmbH, Berlin"}
    assert len(looked_up(owner, "eu-entities/grants")) == 4
    assert scopes(looked_up(abroad, "personal/grants")) == administration
    part = representative.fingerprint[5:20].lower()
    (reads,) = looked_up(
        abroad, "eu-entities/grants", authorizedFingerprintIdentifier=part, vatUeIdentifier="DE123456789"
    )
    manages = only_id(owner, "eu-entities/grants", permissionTypes=["VatUeManage"])
    assert take(abroad, manages) == 420
    assert take(owner, reads["id"]) == 410
    assert take(abroad, reads["id"]) == 200
    assert take(owner, manages) == 200
    again = Peer(owner.emulator)
    submitted = submit(again, administrator, ("NipVatUe", ABROAD), identify_by="certificateFingerprint")
    assert permissions(again, submitted) == ["Introspection", "InvoiceRead", "InvoiceWrite"]


def test_a_buyer_invoices_itself_where_the_seller_allows_it(owner: Peer, sales: dict[str, bytes]) -> None:
    xml = next(iter(sales.values()))
    xml = re.sub(
        b"(<Podmiot2>.*?<DaneIdentyfikacyjne>).*?(?=<Nazwa>)",
        f"\\1<NIP>{OTHER}</NIP>".encode(),
        xml,
        count=1,
        flags=re.DOTALL,
    )
    xml = re.sub(b"<P_17>.</P_17>", b"<P_17>1</P_17>", xml)
    buyer = of(owner, OTHER)
    session = buyer.open_online().json()["referenceNumber"]
    assert code_of(buyer.invoice(session, buyer.send_invoice(session, xml))) == 410
    given(owner, "authorizations", to_authorized("SelfInvoicing"))
    assert code_of(buyer.invoice(session, buyer.send_invoice(session, xml))) == 200
    received = authorizations(buyer, "Received")
    assert len(received) == 1
    assert [
        (each["authorizationScope"], each["authorizingEntityIdentifier"]["value"]) for each in received
    ] == [("SelfInvoicing", NIP)]
    other = {"authorizingIdentifier": identifier("Nip", CLIENT)}
    assert authorizations(buyer, "Received", **other) == []
    (allowed,) = authorizations(owner, "Granted")
    assert take(owner, allowed["id"], path="authorizations") == 200
    another = xml.replace(b"<P_2>", b"<P_2>X")
    assert code_of(buyer.invoice(session, buyer.send_invoice(session, another))) == 410


def test_a_buyer_issues_a_farmers_invoice_where_the_farmer_allows_it(owner: Peer, shared_ksef: Path) -> None:
    template = (shared_ksef / "samples/invoice-template-fa-rr-1.xml").read_bytes()
    xml = template.replace(b"#nip#", NIP.encode()).replace(b"#buyer_nip#", OTHER.encode())
    xml = xml.replace(b"#invoice_number#", b"RR/1")
    buyer = of(owner, OTHER)
    assert code_of(buyer.send_alone(xml, RR)) == 410
    given(owner, "authorizations", to_authorized("RRInvoicing"))
    assert code_of(buyer.send_alone(xml, RR)) == 200


def test_a_peppol_provider_sends_for_who_allows_it(owner: Peer) -> None:
    today = datetime.now(WARSAW).date()
    xml = pef_document().replace(b"2026-03-31", str(today).encode())
    context = ("PeppolId", "PPL123456")
    provider = entered(owner.emulator, seal("PPL123456", "PPL123456"), context)
    assert code_of(provider.send_alone(xml, PEF)) == 410
    given(owner, "authorizations", to_authorized("PefInvoicing", *context))
    assert code_of(provider.send_alone(xml, PEF)) == 200
    assert len(authorizations(provider, "Received")) == 1
    assert provider.http.post("/permissions/query/persons/grants", json={}).status_code in (400, 403)


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
