"""Each check with a document that fails just that one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts, Rejected
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.schemas import Schemas
from airflow_provider_ksef.emulator.synthetic import synthesize

NIP = "5250001210"
DAY = date(2026, 3, 31)
INVOICES = [synthesize(NIP, "Subject1", index, 1, DAY) for index in range(200)]
PLAIN = next(each for each in INVOICES if not each.facts.has_attachment and each.facts.invoice_type == "Vat")
ATTACHED = next(each for each in INVOICES if each.facts.has_attachment)
TEXT = PLAIN.xml.decode()
LIMITS, OWN = SessionLimits(), Identity("Nip", NIP)


def check(
    xml: bytes,
    *,
    form: str = "FA (3)",
    context: Identity = OWN,
    limits: SessionLimits = LIMITS,
    may_attach: bool = True,
    consents: Callable[[str], bool] = lambda _: True,
    schemas: Schemas | None = None,
    received: date = DAY,
) -> InvoiceFacts:
    return check_invoice(
        xml,
        form=FORMS[form],
        context=context,
        limits=limits,
        may_attach=may_attach,
        consents=consents,
        schemas=schemas,
        received=received,
    )


def refused(xml: bytes, **more: object) -> Rejected:
    with pytest.raises(Rejected) as caught:
        check(xml, **more)  # type: ignore[arg-type]
    return caught.value


def test_a_right_invoice_passes_with_its_facts() -> None:
    assert check(PLAIN.xml) == PLAIN.facts
    assert check(ATTACHED.xml) == ATTACHED.facts


def test_a_document_without_declaration_passes() -> None:
    assert check(TEXT.split("?>", 1)[1].strip().encode()) == PLAIN.facts


def padded(xml: bytes, size: int) -> bytes:
    return xml + b" " * (size - len(xml))


def test_too_large_is_430_and_an_attachment_allows_three_times_as_much() -> None:
    assert check(padded(PLAIN.xml, 1_000_000)) == PLAIN.facts
    rejected = refused(padded(PLAIN.xml, 1_000_001))
    assert (rejected.code, rejected.description) == (430, "Błąd weryfikacji pliku faktury")
    assert "1000001" in rejected.details[0]
    assert check(padded(ATTACHED.xml, 3_000_000)) == ATTACHED.facts
    assert refused(padded(ATTACHED.xml, 3_000_001)).code == 430


def test_a_context_may_have_other_limits() -> None:
    assert check(padded(PLAIN.xml, 2_000_000), limits=SessionLimits(2, 0)) == PLAIN.facts
    assert refused(PLAIN.xml, limits=SessionLimits(0, 1)).code == 430


def test_an_attachment_without_the_sellers_consent_is_410() -> None:
    rejected = refused(ATTACHED.xml, consents=lambda nip: nip != ATTACHED.facts.seller_nip)
    assert (rejected.code, rejected.description) == (410, "Nieprawidłowy zakres uprawnień")
    assert check(PLAIN.xml, consents=lambda _: False) == PLAIN.facts


def test_an_attachment_where_none_may_come_is_415() -> None:
    rejected = refused(ATTACHED.xml, may_attach=False)
    assert (rejected.code, rejected.description) == (
        415,
        "Brak możliwości wysyłania faktury z załącznikiem",
    )
    assert rejected.invoice_number == ATTACHED.facts.invoice_number
    assert check(PLAIN.xml, may_attach=False) == PLAIN.facts


@pytest.mark.parametrize(
    "xml",
    [
        b"\xef\xbb\xbf" + PLAIN.xml,
        TEXT.encode("utf-16"),
        TEXT.replace("UTF-8", "ISO-8859-2", 1).encode("iso-8859-2", "xmlcharrefreplace"),
        TEXT.replace("UTF-8", "windows-1250", 1).encode(),
    ],
)
def test_bom_and_other_encodings_are_430(xml: bytes) -> None:
    assert refused(xml).code == 430


@pytest.mark.parametrize(
    "xml",
    [
        PLAIN.xml.replace(b"<P_2>", b"<P_2>\xc3\x28", 1),
        PLAIN.xml.replace(b"<P_2>", b"<P_2>\xed\xa0\x80", 1),
        PLAIN.xml.replace(b"<Fa>", b"<?php x?><Fa>", 1),
        PLAIN.xml.replace(b"<Faktura", b"<?xml-stylesheet href='a'?><Faktura", 1),
        PLAIN.xml + b"<?end?>",
        TEXT.replace("<P_2>", "<P_2>\x85\x86", 1).encode(),
        TEXT.replace("<P_2>", "<P_2>\ufdd0", 1).encode(),
        TEXT.replace("<P_2>", "<P_2>\U0003fffe", 1).encode(),
        TEXT.replace("<P_2>", "<P_2>&#x9f;", 1).encode(),
        TEXT.replace("<P_2>", "<P_2>&#1114111;", 1).encode(),
        TEXT.replace("<P_2>", "<P_2 a='&#x7F;'>", 1).encode(),
        PLAIN.xml.replace(b'version="1.0"', b'version="1.1"', 1),
        PLAIN.xml[:-5],
        b"PK\x03\x04",
        b"",
    ],
)
def test_what_is_no_clean_xml_is_450(xml: bytes) -> None:
    rejected = refused(xml)
    assert (rejected.code, rejected.details[0]) == (450, "Nieprawidłowy XML")


@pytest.mark.parametrize("text", ["\x85", "\U0001f600", "\U00020000", "\ue000", "\ufffd", "\t"])
def test_rare_but_allowed_characters_pass(text: str) -> None:
    assert check(TEXT.replace("<P_1M>", f"<P_1M>{text}", 1).encode())


def test_another_form_than_the_sessions_is_450() -> None:
    rejected = refused(PLAIN.xml, form="FA (2)")
    assert rejected.code == 450
    assert "'FA (3)'" in rejected.details[0]
    assert rejected.invoice_number == PLAIN.facts.invoice_number


def test_an_issue_date_to_come_is_450() -> None:
    rejected = refused(PLAIN.xml, received=DAY - timedelta(days=1))
    assert (rejected.code, rejected.invoice_number) == (450, PLAIN.facts.invoice_number)
    assert str(DAY) in rejected.details[0]


def test_another_companys_invoice_is_410() -> None:
    rejected = refused(PLAIN.xml, context=Identity("Nip", "1130405061"))
    assert (rejected.code, rejected.description) == (410, "Nieprawidłowy zakres uprawnień")
    assert rejected.details == ("Brak uprawnienia fakturowego",)
    assert rejected.invoice_number == PLAIN.facts.invoice_number


def test_a_missing_mandatory_element_is_450_even_without_schemas() -> None:
    rejected = refused(re.sub(b"<P_15>[^<]*</P_15>", b"", PLAIN.xml))
    assert rejected.code == 450
    assert "'P_15'" in rejected.details[0]
    assert rejected.invoice_number == PLAIN.facts.invoice_number


def test_a_farmers_invoice_comes_from_the_farmer_where_nobody_is_authorized(
    shared_ksef: Path,
) -> None:
    template = (shared_ksef / "samples/invoice-template-fa-rr-1.xml").read_bytes()
    xml = template.replace(b"#nip#", NIP.encode()).replace(b"#buyer_nip#", b"1130405061")
    xml = xml.replace(b"#invoice_number#", b"RR/1")
    assert check(xml, form="FA_RR (1)").invoice_number == "RR/1"
    buyer = Identity("Nip", "1130405061")
    assert refused(xml, form="FA_RR (1)", context=buyer).code == 410


def test_what_only_the_schema_knows_is_450_where_there_is_one(shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd")
    assert check(PLAIN.xml, schemas=schemas) == PLAIN.facts
    wrong = re.sub(b"<P_16>.</P_16>", b"", PLAIN.xml)
    assert check(wrong) == PLAIN.facts
    rejected = refused(wrong, schemas=schemas)
    assert (rejected.code, rejected.invoice_number) == (450, PLAIN.facts.invoice_number)
    assert "P_16" in rejected.details[0]
