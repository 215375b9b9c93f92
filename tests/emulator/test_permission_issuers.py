"""Who issues invoices for the seller in a context of its own: buyers, Peppol providers, companies abroad."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from airflow_provider_ksef.emulator.moments import WARSAW
from tests.emulator.entering import entered, permissions, submit
from tests.emulator.entitled import authorizations, code_of, of, only_id, today
from tests.emulator.granting import (
    ABROAD,
    CLIENT,
    OTHER,
    WITHOUT_NUMBER,
    enter_abroad,
    given,
    identifier,
    looked_up,
    scopes,
    take,
    to_authorized,
    to_person,
)
from tests.emulator.peer import Peer
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP
from tests.pef_document import pef_document

RR = {"systemCode": "FA_RR (1)", "schemaVersion": "1-1E", "value": "FA_RR"}
PEF = {"systemCode": "PEF (3)", "schemaVersion": "2-1", "value": "PEF"}


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
