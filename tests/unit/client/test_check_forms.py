"""Each form of invoice: its official schema and samples, and whom its seller lets issue it."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_ksef.client.checks.files import check_files
from airflow_provider_ksef.client.checks.report import CheckReport
from airflow_provider_ksef.client.checks.rules import CheckRules
from airflow_provider_ksef.client.invoice_files import find_invoices
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.emulator.samples import make_samples
from airflow_provider_ksef.exceptions import KsefInputError
from tests.official import SHARED_KSEF
from tests.pef_document import pef_document

SELLER, BUYER, OTHER = "5250001210", "1130405061", "5110203043"
DAY = date(2026, 9, 15)
FA_3 = make_samples(SELLER, 1, 0, 1, DAY)[0].xml
FILLED = {
    "nip": SELLER,
    "nip_podmiot1": SELLER,
    "supplier_nip": SELLER,
    "buyer_nip": BUYER,
    "nip_podmiot2": BUYER,
    "nip1_podmiot3": OTHER,
    "nip2_podmiot3": OTHER,
    "nipOdbiorca": OTHER,
    "compliant": "#compliant#",
    "issue_date": "2026-03-31",
    "due_date": "2026-04-30",
    "iban": "PL83102055550000987654321012",
}
SAMPLES = {
    "invoice-template-fa-2": "FA (2)",
    "invoice-template-fa-3": "FA (3)",
    "invoice-template-fa-3-with-attachment": "FA (3)",
    "invoice-template-fa-3-with-custom-Subject2": "FA (3)",
    "invoice-template-fa-3-with-custom-Subject3": "FA (3)",
    "invoice-template-fa-3-with-multiple-Subject3": "FA (3)",
    "invoice-template-fa-rr-1": "FA_RR (1)",
    "invoice-template-fa-3-pef": "PEF (3)",
}
official = pytest.mark.skipif(not SHARED_KSEF.is_dir(), reason=f"{SHARED_KSEF} is not there")


def sample(name: str) -> bytes:
    """Fill in an official sample; of NIP and IDWew, which one offers, the NIP."""
    template = (SHARED_KSEF / "samples" / f"{name}.xml").read_text()
    one_of_both = re.sub("<IDWew>.*?</IDWew>", "", template)
    return re.sub("#([A-Za-z0-9_]+)#", lambda found: FILLED.get(found[1], "7"), one_of_both).encode()


def credit_note() -> bytes:
    """There is no official sample of a PEF_KOR: turn the one of a PEF into it."""
    xml = sample("invoice-template-fa-3-pef").decode()
    xml = re.sub(r"(</?)Invoice\b", r"\1CreditNote", xml).replace("xsd:Invoice-2", "xsd:CreditNote-2")
    xml = re.sub(r"<cbc:(DueDate|TaxPointDate)>.*?</cbc:\1>", "", xml)
    for old, new in (
        ("InvoiceTypeCode>380", "CreditNoteTypeCode>381"),
        ("InvoiceTypeCode>", "CreditNoteTypeCode>"),
        ("cac:InvoiceLine", "cac:CreditNoteLine"),
        ("InvoicedQuantity", "CreditedQuantity"),
    ):
        xml = xml.replace(old, new)
    return xml.encode()


def check(folder: Path, xml: bytes, rules: CheckRules) -> CheckReport:
    (folder / "a.xml").write_bytes(xml)
    return check_files(find_invoices([UPath(folder)]), rules)


def found(folder: Path, xml: bytes, rules: CheckRules) -> list[tuple[str, int | None]]:
    return [(problem.rule, problem.line) for problem in check(folder, xml, rules).problems]


def with_schema(form_code: str) -> CheckRules:
    nip = ContextIdentifier("Nip", SELLER)
    return CheckRules(form_code, nip, today=DAY, schema_dir=UPath(SHARED_KSEF / "xsd"))


@official
@pytest.mark.parametrize("name", SAMPLES)
def test_the_schema_takes_the_official_sample_and_names_the_line_of_a_fault(
    tmp_path: Path, name: str
) -> None:
    xml, rules = sample(name), with_schema(SAMPLES[name])
    assert found(tmp_path, xml, rules) == []
    wrong = re.sub(rb"(<(cbc:ID|P_2|P_4C)>[^<]*</\2>)", rb"\1<Unknown/>", xml, count=1)
    line = wrong[: wrong.index(b"<Unknown/>")].count(b"\n") + 1
    assert found(tmp_path, wrong, rules) == [("schema.invalid", line)]


@official
def test_the_schema_of_a_pef_correction_takes_and_refuses(tmp_path: Path) -> None:
    xml, rules = credit_note(), with_schema("PEF_KOR (3)")
    assert found(tmp_path, xml, rules) == []
    wrong = xml.replace(b"CreditNoteTypeCode", b"InvoiceTypeCode")
    line = wrong[: wrong.index(b"InvoiceTypeCode")].count(b"\n") + 1
    assert found(tmp_path, wrong, rules) == [("schema.invalid", line)]
    assert found(tmp_path, xml, with_schema("PEF (3)")) == [("form.other", 2)]


@official
def test_the_schemas_words_are_told_without_its_namespaces(tmp_path: Path) -> None:
    wrong = sample("invoice-template-fa-3").replace(SELLER.encode(), b"0")
    (problem,) = check(tmp_path, wrong, CheckRules("FA (3)", schema_dir=UPath(SHARED_KSEF / "xsd"))).problems
    assert problem.message.startswith("Element 'NIP': [facet 'pattern'] The value '0'")
    assert problem.message.endswith(r"\d{7}'.")


@official
def test_a_fault_far_below_is_told_with_its_line(tmp_path: Path) -> None:
    """libxml2 keeps lines beyond 65,535 elsewhere."""
    xml = sample("invoice-template-fa-3").replace(b"<P_15>53.63", b"\n" * 70_000 + b"<P_15>53,63")
    line = xml[: xml.index(b"<P_15>")].count(b"\n") + 1
    assert set(found(tmp_path, xml, with_schema("FA (3)"))) == {("schema.invalid", line)}


@official
def test_the_schemas_lie_in_any_subfolders_and_a_missing_one_is_named(tmp_path: Path) -> None:
    flat, out = tmp_path / "flat", tmp_path / "out"
    flat.mkdir()
    out.mkdir()
    for path in (SHARED_KSEF / "xsd/fa").rglob("*.xsd"):
        shutil.copy(path, flat)
    rules = CheckRules("FA (3)", schema_dir=UPath(flat))
    assert found(out, sample("invoice-template-fa-3"), rules) == []
    (flat / "KodyKrajow_v10-0E.xsd").write_bytes(b"<schema/>")
    with pytest.raises(KsefInputError, match=r"schema_dir.*not a schema"):
        check(out, FA_3, rules)
    (flat / "KodyKrajow_v10-0E.xsd").unlink()
    with pytest.raises(KsefInputError, match=r"KodyKrajow_v10-0E\.xsd, which the schema of FA \(3\) needs"):
        check(out, FA_3, rules)


def of(value: str, kind: str = "Nip", **more: bool) -> CheckRules:
    return CheckRules(None, ContextIdentifier(kind, value), today=DAY, **more)  # type: ignore[arg-type]


def self_invoiced(buyer: str = BUYER) -> bytes:
    xml = FA_3.replace(b"<P_17>2", b"<P_17>1")
    replaced = re.sub(rb"(<Podmiot2>.*?<NIP>)\d{10}", rb"\g<1>" + buyer.encode(), xml, flags=re.DOTALL)
    assert replaced.count(buyer.encode()) == 1
    return replaced


def with_party(name: str, more: str = "") -> bytes:
    identity = f"<DaneIdentyfikacyjne><NIP>{OTHER}</NIP><Nazwa>X</Nazwa></DaneIdentyfikacyjne>"
    return FA_3.replace(b"<Fa>", f"<{name}>{identity}{more}</{name}><Fa>".encode(), 1)


FARMERS = f"""<Faktura xmlns="http://crd.gov.pl/wzor/2026/03/06/14189/">
<Podmiot1><DaneIdentyfikacyjne><NIP>{SELLER}</NIP></DaneIdentyfikacyjne></Podmiot1>
<Podmiot2><DaneIdentyfikacyjne><NIP>{BUYER}</NIP></DaneIdentyfikacyjne></Podmiot2>
<FakturaRR><P_4B>2026-02-23</P_4B><P_4C>RR/1</P_4C></FakturaRR></Faktura>""".encode()
MAY_ISSUE = {
    "the seller": (FA_3, of(SELLER)),
    "a unit of the seller": (FA_3, of(f"{SELLER}-12346", "InternalId")),
    "the seller who trades in the EU": (FA_3, of(f"{SELLER}-DE123456789", "NipVatUe")),
    "a Peppol provider": (pef_document(), of("PPL000001", "PeppolId")),
    "the seller of a PEF invoice": (pef_document(seller=f"PL{SELLER}"), of(SELLER)),
    "the seller of a PEF correction": (pef_document("CreditNote"), of(SELLER)),
    "the buyer who may": (self_invoiced(), of(BUYER, allow_self_invoicing=True)),
    "the buyer from a farmer": (FARMERS, of(BUYER)),
    "the farmer": (FARMERS, of(SELLER)),
    "the authorized subject": (with_party("PodmiotUpowazniony", "<RolaPU>3</RolaPU>"), of(OTHER)),
    "a unit of the selling local government": (with_party("Podmiot3", "<Rola>7</Rola>"), of(OTHER)),
    "a member of the selling VAT group": (with_party("Podmiot3", "<Rola>9</Rola>"), of(OTHER)),
}
MAY_NOT = {
    "another company": (FA_3, of(OTHER, allow_self_invoicing=True), "seller's own connection"),
    "the buyer without leave": (self_invoiced(), of(BUYER), "set allow_self_invoicing=True"),
    "the buyer of an ordinary sale": (
        self_invoiced().replace(b"<P_17>1", b"<P_17>2"),
        of(BUYER, allow_self_invoicing=True),
        "seller's own connection",
    ),
    "neither buyer nor farmer": (FARMERS, of(OTHER), "seller's own connection"),
    "the buyer of a PEF invoice": (
        pef_document(),
        of(BUYER, allow_self_invoicing=True),
        "seller's own connection",
    ),
    "a unit of a buying local government": (
        with_party("Podmiot3", "<Rola>8</Rola>"),
        of(OTHER),
        "seller's own connection",
    ),
}


@pytest.mark.parametrize("who", MAY_ISSUE)
def test_who_may_issue_is_not_told(tmp_path: Path, who: str) -> None:
    xml, rules = MAY_ISSUE[who]
    assert found(tmp_path, xml, rules) == []


@pytest.mark.parametrize("who", MAY_NOT)
def test_who_may_not_issue_is_told_at_the_sellers_line(tmp_path: Path, who: str) -> None:
    xml, rules, remedy = MAY_NOT[who]
    (problem,) = check(tmp_path, xml, rules).problems
    line = xml[: xml.index(SELLER.encode())].count(b"\n") + 1
    assert (problem.rule, problem.line) == ("invoice.other-seller", line)
    assert f"the seller is {SELLER}" in problem.message
    assert remedy in problem.remedy


def test_a_pef_sellers_nip_may_stand_with_the_legal_entity(tmp_path: Path) -> None:
    legal = f"</PartyTaxScheme><PartyLegalEntity><CompanyID>{SELLER}</CompanyID></PartyLegalEntity>"
    xml = pef_document(seller="DE123456789").replace(b"</PartyTaxScheme>", legal.encode(), 1)
    (file,) = check(tmp_path, xml, of(SELLER)).files
    assert file.facts.duplicate_key == (SELLER, "PEF (3)", "PEF/1")
    assert (file.facts.buyer_nip, file.facts.issue_date) == (BUYER, "2026-03-31")


def test_a_pef_date_is_held_against_the_day(tmp_path: Path) -> None:
    rules = CheckRules("PEF (3)", today=date(2026, 3, 30))
    assert found(tmp_path, pef_document(), rules) == [("invoice.issue-date-in-future", 2)]


def test_what_a_form_needs_is_named_where_there_is_no_schema(tmp_path: Path) -> None:
    bare = b'<Faktura xmlns="http://crd.gov.pl/wzor/2026/03/06/14189/"/>'
    messages = [problem.message for problem in check(tmp_path, bare, CheckRules("FA_RR (1)")).problems]
    assert messages == [
        "has no Podmiot1/DaneIdentyfikacyjne/NIP",
        "has no FakturaRR/P_4C",
        "has no FakturaRR/RodzajFaktury",
        "has no FakturaRR/P_4B",
    ]


def test_an_unknown_form_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(KsefInputError, match=r"form_code.*FA \(3\).*mind the space"):
        check(tmp_path, FA_3, CheckRules("FA(3)"))
