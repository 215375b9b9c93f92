"""Companies that handle the invoices of others, and pass on to their people what clients let them."""

from __future__ import annotations

from tests.emulator.entering import PESEL
from tests.emulator.entitled import EMPLOYEE, GIVEN, HELD, code_of, may, of, only_id
from tests.emulator.granting import (
    CLIENT,
    OFFICE,
    OTHER,
    UNIT,
    enter_below,
    given,
    identifier,
    looked_up,
    scopes,
    take,
    to_entity,
    to_person,
)
from tests.emulator.peer import Peer
from tests.emulator.signing import seal
from tests.emulator_process import NIP


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
