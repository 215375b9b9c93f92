"""What is read from UBL invoices and credit notes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_ksef.emulator.checks import check_invoice
from airflow_provider_ksef.emulator.documents import FORMS, InvoiceFacts, Rejected, read_invoice
from airflow_provider_ksef.emulator.elements import parse_document
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.limits import SessionLimits
from airflow_provider_ksef.emulator.schemas import Schemas
from tests.emulator.test_checks import DAY, NIP
from tests.pef_document import pef_document


def test_amounts_parties_and_number_are_read() -> None:
    facts = read_invoice(pef_document())
    assert (facts.seller_nip, facts.buyer_type, facts.buyer_value) == (NIP, "Nip", "1130405061")
    assert (facts.invoice_number, facts.issue_date, facts.currency) == ("PEF/1", DAY, "EUR")
    assert (facts.net, facts.vat, facts.gross) == (Decimal(100), Decimal("98.50"), Decimal(123))
    assert facts.form == FORMS["PEF (3)"]


def test_an_embedded_file_is_an_attachment_and_a_mere_reference_is_none() -> None:
    """PEF comes alone, and its attachments with it: so the official clients send them."""
    reference, end = b"<AdditionalDocumentReference><ID>1</ID>", b"</AdditionalDocumentReference>"
    embedded = b"<EmbeddedDocumentBinaryObject>AA==</EmbeddedDocumentBinaryObject>"
    before = b"<AccountingSupplierParty>"
    plain = pef_document().replace(before, reference + end + before)
    assert check(plain, "PEF (3)").has_attachment is False
    assert check(plain.replace(end, embedded + end), "PEF (3)").has_attachment is True


@pytest.mark.parametrize(
    ("xml", "form", "kind"),
    [
        (pef_document(), "PEF (3)", "VatPef"),
        (pef_document(customization="urn:cen.eu:en16931:2017#conformant#urn:x"), "PEF (3)", "VatPefSp"),
        (pef_document("CreditNote"), "PEF_KOR (3)", "KorPef"),
    ],
)
def test_there_are_three_types(xml: bytes, form: str, kind: str) -> None:
    facts = check(xml, form)
    assert (facts.invoice_type, facts.form) == (kind, FORMS[form])


@pytest.mark.parametrize(
    ("buyer", "identifier"),
    [
        ("<PartyLegalEntity><CompanyID>1130405061</CompanyID></PartyLegalEntity>", ("Nip", "1130405061")),
        (
            "<PartyTaxScheme><CompanyID>SE123456789001</CompanyID></PartyTaxScheme>",
            ("VatUe", "SE123456789001"),
        ),
        ("<PartyLegalEntity><CompanyID>12-34</CompanyID></PartyLegalEntity>", ("Other", "12-34")),
        ("", ("None", None)),
    ],
)
def test_buyers_are_identified_by_what_there_is(buyer: str, identifier: tuple[str, str | None]) -> None:
    facts = read_invoice(pef_document(buyer=buyer))
    assert (facts.buyer_type, facts.buyer_value) == identifier


@pytest.mark.parametrize(
    ("xml", "form", "code"),
    [
        (pef_document(), "PEF_KOR (3)", 450),
        (pef_document(seller="SE123456789001"), "PEF (3)", 450),
        (pef_document().replace(b"<IssueDate>2026", b"<IssueDate>2027"), "PEF (3)", 450),
        (pef_document().replace(b"TaxInclusiveAmount", b"PayableAmount"), "PEF (3)", 450),
        (pef_document(seller="1130405061"), "PEF (3)", 410),
    ],
)
def test_the_same_checks_are_made(xml: bytes, form: str, code: int) -> None:
    with pytest.raises(Rejected) as rejected:
        check(xml, form)
    assert (rejected.value.code, rejected.value.invoice_number) == (code, "PEF/1")


def test_the_official_schema_is_used_where_there_is_one(shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd")
    assert schemas.validate(FORMS["PEF (3)"], parse_document(pef_document()))


def check(xml: bytes, form: str) -> InvoiceFacts:
    return check_invoice(
        xml,
        form=FORMS[form],
        context=Identity("Nip", NIP),
        limits=SessionLimits(),
        may_attach=False,
        schemas=None,
        received=DAY,
    )
