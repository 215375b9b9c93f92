"""Official receipts: of an invoice and of a session, by every way to them, always the same bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from signxml.exceptions import InvalidDigest
from signxml.xades import XAdESSignatureConfiguration, XAdESVerifier

from airflow_provider_ksef.emulator import upo as upo_module
from airflow_provider_ksef.emulator.acceptance import Acceptance, Arrival
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.finishing import finish_processed
from airflow_provider_ksef.emulator.moments import ticks_of
from airflow_provider_ksef.emulator.receipts import upo_of_page
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.emulator.store.sessions import CLOSED, Session
from airflow_provider_ksef.emulator.store.upo import UpoDocument
from airflow_provider_ksef.emulator.upo import Page, count_pages, write_upo
from tests.emulator.packing import Upload, digest, make_zip
from tests.emulator.peer import Peer, error_code
from tests.emulator_process import NIP, TOKEN

NS = "{http://upo.schematy.mf.gov.pl/KSeF/v4-3}"
X509 = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"
UNKNOWN = "20260901-EU-1A2B3C7000-0F1E2D3C4E-78"
SESSION = Session(
    reference="20260901-SO-1A2B3C6000-0F1E2D3C4D-4A",
    kind="Online",
    context=f"Nip:{NIP}",
    form="FA (3)",
    code=200,
    details=None,
    created=0,
    updated=0,
    closed=0,
    valid_until=0,
    is_offline=False,
    aes_key=None,
    iv=b"",
    token_reference="20260901-EC-1A2B3CC000-0F1E2D3C53-D1",
)
SUMMER = ticks_of(datetime(2025, 9, 13, 23, 36, 1, 584_999, tzinfo=UTC)) + 9
DOCUMENT = UpoDocument(
    f"{NIP}-20260901-0A1B2C000000-C6",
    "FV/<1>",
    date(2026, 9, 1),
    SUMMER,
    SUMMER + 60 * 86_400 * 10_000_000,
    digest(b"x"),
    "Offline",
)


@cache
def schema(folder: Path) -> etree.XMLSchema:
    return etree.XMLSchema(file=str(folder / "xsd/upo/upo-v4-3.xsd"))


def texts(upo: etree._Element) -> dict[str, str]:
    """The last text of each element by its name."""
    return {each.tag.removeprefix(NS): each.text for each in upo.iter() if each.text}


def without_seal(upo: bytes) -> etree._Element:
    """The schema knows no seal, as the Ministry's."""
    root = etree.fromstring(upo)
    root.remove(root[-1])
    return root


@pytest.fixture
def session(peer: Peer, sales: dict[str, bytes]) -> str:
    """A session that ended well, with two right invoices and a wrong one."""
    first, second, *_ = sales.values()
    reference: str = peer.open_online().json()["referenceNumber"]
    for xml in (first, b"no xml", second):
        peer.invoice(reference, peer.send_invoice(reference, xml))
    peer.close_online(reference)
    assert peer.session(reference)["status"]["code"] == 200
    return reference


def checked(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/xml")
    assert answer.headers["x-ms-meta-hash"] == digest(answer.content)
    return answer.content


def test_the_receipt_of_an_invoice_is_the_same_by_all_ways(
    peer: Peer, session: str, shared_ksef: Path
) -> None:
    invoice = peer.invoices(session)[2]
    path = f"/sessions/{session}/invoices"
    upo = checked(peer.http.get(f"{path}/{invoice['referenceNumber']}/upo"))
    assert checked(peer.http.get(f"{path}/ksef/{invoice['ksefNumber']}/upo")) == upo
    assert checked(peer.links.get(invoice["upoDownloadUrl"])) == upo
    peer.emulator.control("clock", advance=600)
    assert checked(peer.links.get(invoice["upoDownloadUrl"])) == upo
    schema(shared_ksef).assertValid(without_seal(upo))
    told = texts(etree.fromstring(upo))
    assert told["NumerReferencyjnySesji"] == session
    assert told["NumerReferencyjnyTokenaKSeF"] == TOKEN.partition("|")[0]
    assert told["NumerKSeFDokumentu"] == invoice["ksefNumber"]
    assert told["NumerFaktury"] == invoice["invoiceNumber"]
    assert told["SkrotDokumentu"] == invoice["invoiceHash"]
    assert told["TrybWysylki"] == "Online"
    sent = datetime.fromisoformat(told["DataPrzeslaniaDokumentu"])
    assert sent.utcoffset()
    assert abs((sent - datetime.fromisoformat(invoice["invoicingDate"])).total_seconds()) < 0.001
    assert "Strona" not in told


def test_a_receipt_is_sealed(peer: Peer, session: str) -> None:
    """The C# client's tests want a signature."""
    page = peer.session(session)["upo"]["pages"][0]
    upo = checked(peer.http.get(f"/sessions/{session}/upo/{page['referenceNumber']}"))
    seal = etree.fromstring(upo)[-1]
    certificate = f"-----BEGIN CERTIFICATE-----\n{texts(seal)[X509]}\n-----END CERTIFICATE-----\n"
    expected = XAdESSignatureConfiguration(expect_references=2)
    content, properties = XAdESVerifier().verify(upo, x509_cert=certificate, expect_config=expected)
    assert texts(content.signed_xml) == texts(without_seal(upo))
    (sealed,) = properties.signed_xml.iter("{*}SigningTime")
    numbered = datetime.fromisoformat(texts(content.signed_xml)["DataNadaniaNumeruKSeF"])
    assert datetime.fromisoformat(sealed.text) == numbered.astimezone(UTC).replace(microsecond=0)
    forged = upo.replace(b"<NumerFaktury>", b"<NumerFaktury>X", 1)
    with pytest.raises(InvalidDigest):
        XAdESVerifier().verify(forged, x509_cert=certificate, expect_config=expected)


@pytest.mark.parametrize("is_batch", [False, True])
def test_a_session_has_a_receipt_of_what_was_accepted(
    peer: Peer, session: str, sales: dict[str, bytes], shared_ksef: Path, *, is_batch: bool
) -> None:
    if is_batch:
        files = dict(list(sales.items())[2:4]) | {"wrong.xml": b"no xml"}
        session = peer.send(Upload(make_zip(files)))
    (page,) = peer.session(session)["upo"]["pages"]
    upo = checked(peer.http.get(f"/sessions/{session}/upo/{page['referenceNumber']}"))
    assert checked(peer.links.get(page["downloadUrl"])) == upo
    schema(shared_ksef).assertValid(without_seal(upo))
    told = texts(etree.fromstring(upo))
    pages = ("Strona", "LiczbaStron", "ZakresDokumentowOd", "ZakresDokumentowDo", "CalkowitaLiczbaDokumentow")
    assert [told[name] for name in pages] == ["1", "1", "1", "2", "2"]
    accepted = [each["ksefNumber"] for each in peer.invoices(session) if "ksefNumber" in each]
    numbers = etree.fromstring(upo).findall(f"{NS}Dokument/{NS}NumerKSeFDokumentu")
    assert [each.text for each in numbers] == accepted
    assert page["referenceNumber"][8:12] == "-EU-"


def test_a_session_has_no_receipt_before_its_end(peer: Peer, sales: dict[str, bytes]) -> None:
    reference = peer.open_online().json()["referenceNumber"]
    taken = peer.invoice(reference, peer.send_invoice(reference, next(iter(sales.values()))))
    assert "upo" not in peer.http.get(f"/sessions/{reference}").json()
    assert checked(peer.links.get(taken["upoDownloadUrl"]))  # while invoices have theirs at once


def test_a_missing_receipt_is_told(peer: Peer, session: str) -> None:
    wrong = peer.invoices(session)[1]
    assert "upoDownloadUrl" not in wrong
    number = f"{NIP}-20260901-0A1B2C000000-C6"
    for path in (f"upo/{UNKNOWN}", f"invoices/ksef/{number}/upo", f"invoices/{wrong['referenceNumber']}/upo"):
        answer = peer.http.get(f"/sessions/{session}/{path}")
        assert error_code(answer) == 21178
        assert session in answer.text
    assert error_code(peer.http.get(f"/sessions/{UNKNOWN}/upo/{UNKNOWN}")) == 21173


def test_links_live_for_three_days(peer: Peer, session: str) -> None:
    def links() -> list[str]:
        page: dict[str, Any] = peer.session(session)["upo"]["pages"][0]
        return [page["downloadUrl"], peer.invoices(session)[0]["upoDownloadUrl"]]

    old = links()
    peer.emulator.control("clock", advance=3 * 86_400 - 60)
    assert [peer.links.get(link).status_code for link in old] == [200, 200]
    peer.emulator.control("clock", advance=120)
    assert [peer.links.get(link).status_code for link in old] == [403, 403]
    peer.log_in()
    assert [peer.links.get(link).status_code for link in links()] == [200, 200]
    assert peer.links.get(links()[0].replace("sp=r", "sp=w")).status_code == 403


@pytest.mark.parametrize(
    ("context", "element"),
    [
        (f"Nip:{NIP}", "Nip"),
        (f"InternalId:{NIP}-12346", "IdWewnetrzny"),
        (f"NipVatUe:{NIP}-DE123456789", "IdZlozonyVatUE"),
        ("PeppolId:PPL123456", "IdDostawcyUslugPeppol"),
    ],
)
def test_every_kind_of_context_and_login_fits_the_schema(
    shared_ksef: Path, context: str, element: str
) -> None:
    by_token = write_upo(replace(SESSION, context=context), [DOCUMENT])
    schema(shared_ksef).assertValid(by_token)
    assert texts(by_token)[element] == context.partition(":")[2]
    signed = replace(SESSION, context=context, token_reference=None, document_hash=digest(b"signed"))
    by_document = write_upo(signed, [DOCUMENT])
    schema(shared_ksef).assertValid(by_document)
    assert texts(by_document)["SkrotDokumentuUwierzytelniajacego"] == digest(b"signed")


def test_moments_are_polish_with_milliseconds() -> None:
    told = texts(write_upo(SESSION, [DOCUMENT]))
    assert told["DataPrzeslaniaDokumentu"] == "2025-09-14T01:36:01.584+02:00"
    assert told["DataNadaniaNumeruKSeF"] == "2025-11-13T00:36:01.584+01:00"
    assert (told["NumerFaktury"], told["DataWystawieniaFaktury"]) == ("FV/<1>", "2026-09-01")


@pytest.mark.parametrize(
    ("form", "structure"),
    [("FA (3)", "Schemat_FA(3)_v1-0E.xsd"), ("PEF_KOR (3)", "Schemat_PEF_KOR(3)_v2-1.xsd")],
)
def test_the_form_is_named(form: str, structure: str) -> None:
    told = texts(write_upo(replace(SESSION, form=form), [DOCUMENT]))
    assert (told["KodFormularza"], told["NazwaStrukturyLogicznej"]) == (form, structure)


def test_a_page_holds_ten_thousand_documents(shared_ksef: Path) -> None:
    assert [count_pages(count) for count in (0, 1, 10_000, 10_001)] == [0, 1, 1, 2]
    page = Page(2, 10_001)
    assert (page.skip, page.last) == (10_000, 10_001)
    upo = write_upo(SESSION, [DOCUMENT], page)
    schema(shared_ksef).assertValid(upo)
    told = texts(upo)
    assert (told["Strona"], told["LiczbaStron"], told["ZakresDokumentowOd"]) == ("2", "2", "10001")


def test_a_larger_session_has_several_pages(
    tmp_path: Path, sales: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upo_module, "MOST_PER_PAGE", 2)
    settings = Settings(state=tmp_path / "state.sqlite")
    emulator = Emulator(settings, tmp_path)
    session = replace(SESSION, code=CLOSED, aes_key=b"k" * 32)
    emulator.sessions.add(session)
    now = emulator.clock.now()
    arrivals = [
        Arrival(ordinal, emulator.new_reference("EE"), xml, digest(xml), now, is_offline=False)
        for ordinal, xml in enumerate(sales.values(), start=1)
    ]
    assert Acceptance(emulator, session).take(arrivals)
    assert finish_processed(emulator, session.reference, before=CLOSED)
    assert not finish_processed(emulator, session.reference, before=CLOSED)
    references = emulator.upo.pages(session.reference)
    receipts = [upo_of_page(emulator, session, reference) or b"" for reference in references]
    pages = [texts(etree.fromstring(receipt)) for receipt in receipts]
    assert [(each["ZakresDokumentowOd"], each["ZakresDokumentowDo"]) for each in pages] == [
        ("1", "2"),
        ("3", "4"),
        ("5", "5"),
    ]
    assert [each["SkrotDokumentu"] for each in pages] == [arrivals[place].hash for place in (1, 3, 4)]
    emulator.close()
    again = Emulator(settings, tmp_path)
    assert [upo_of_page(again, session, reference) for reference in references] == receipts
    again.close()
