"""Synthetic invoices: valid, varied, consistent, and the same everywhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.emulator.documents import read_invoice
from airflow_provider_ksef.emulator.elements import parse_document
from airflow_provider_ksef.emulator.schemas import Schemas
from airflow_provider_ksef.emulator.synthetic import SyntheticInvoice, synthesize

NIP = "5250001210"
DAY = date(2026, 3, 31)
ROLES = ("Subject1", "Subject2", "Subject3", "SubjectAuthorized")


@pytest.fixture(scope="module")
def invoices() -> dict[str, list[SyntheticInvoice]]:
    return {role: [synthesize(NIP, role, index, 7, DAY) for index in range(2000)] for role in ROLES}


def everything(invoices: dict[str, list[SyntheticInvoice]]) -> list[SyntheticInvoice]:
    return [invoice for role in ROLES for invoice in invoices[role]]


def test_the_facts_are_what_the_document_says(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    for invoice in everything(invoices):
        assert read_invoice(invoice.xml) == invoice.facts


@settings(max_examples=300, deadline=None)
@given(
    role=st.sampled_from(ROLES),
    index=st.integers(0, 10_000_000),
    seed=st.integers(-5, 2**63),
    day=st.dates(date(2022, 1, 1), date(2049, 12, 31)),
    nip=st.sampled_from([NIP, "1130405061", "5110203043", "9999999999"]),
)
def test_facts_and_sums_agree_for_any_argument(role: str, index: int, seed: int, day: date, nip: str) -> None:
    invoice = synthesize(nip, role, index, seed, day)
    assert read_invoice(invoice.xml) == invoice.facts
    assert invoice.facts.issue_date == day
    if invoice.facts.currency == "PLN":
        assert invoice.facts.net + invoice.facts.vat == invoice.facts.gross


def test_every_document_is_valid(invoices: dict[str, list[SyntheticInvoice]], shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd")
    for invoice in everything(invoices):
        error = schemas.validate(invoice.facts.form, parse_document(invoice.xml))
        assert error is None, invoice.xml.decode()


def test_documents_of_all_years_are_valid(shared_ksef: Path) -> None:
    schemas = Schemas(shared_ksef / "xsd")
    for index, year in enumerate(range(2022, 2050)):
        invoice = synthesize(NIP, "Subject2", index, 1, date(year, 2, 28))
        assert schemas.validate(invoice.facts.form, parse_document(invoice.xml)) is None


@pytest.mark.parametrize("role", ROLES)
def test_the_company_has_the_role_asked_for(role: str, invoices: dict[str, list[SyntheticInvoice]]) -> None:
    for invoice in invoices[role]:
        facts = invoice.facts
        third_parties = {third.value for third in facts.third_subjects if third.type == "Nip"}
        authorized = facts.authorized_subject.nip if facts.authorized_subject else None
        assert (facts.seller_nip == NIP) == (role == "Subject1")
        assert ((facts.buyer_type, facts.buyer_value) == ("Nip", NIP)) == (role == "Subject2")
        assert (NIP in third_parties) == (role == "Subject3")
        assert (authorized == NIP) == (role == "SubjectAuthorized")


def test_the_same_arguments_give_the_same_bytes_in_another_process() -> None:
    code = (
        "from datetime import date; from hashlib import sha256;"
        "from airflow_provider_ksef.emulator.synthetic import synthesize;"
        f"print(sha256(b''.join(synthesize('{NIP}', 'Subject2', i, 3, date(2026, 3, 31)).xml"
        " for i in range(200))).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    here = b"".join(synthesize(NIP, "Subject2", index, 3, DAY).xml for index in range(200))
    assert there.stdout.strip() == sha256(here).hexdigest()


def test_seed_and_role_and_index_make_other_documents() -> None:
    documents = {
        synthesize(nip, role, index, seed, DAY).xml
        for nip in (NIP, "1130405061")
        for role in ROLES
        for index in range(50)
        for seed in (1, 2)
    }
    assert len(documents) == 2 * 4 * 50 * 2


def test_invoice_numbers_are_unique() -> None:
    numbers = Counter(
        (facts.seller_nip, facts.invoice_type, facts.invoice_number)
        for role in ROLES
        for seed in (1, 2)
        for index in range(1500)
        for facts in [synthesize(NIP, role, index, seed, DAY).facts]
    )
    assert max(numbers.values()) == 1


def test_each_variety_is_there(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    facts = [invoice.facts for invoice in everything(invoices)]
    assert {each.invoice_type for each in facts} == {"Vat", "Kor", "Zal", "Roz", "Upr", "KorZal", "KorRoz"}
    assert {each.currency for each in facts} >= {"PLN", "EUR", "USD", "CZK", "GBP", "HUF", "JPY"}
    assert {each.buyer_type for each in facts} == {"Nip", "VatUe", "Other", "None"}
    thirds = [third for each in facts for third in each.third_subjects]
    assert {third.type for third in thirds} == {"Nip", "InternalId", "VatUe", "Other", "None"}
    assert {third.role for third in thirds} == set(range(12))
    assert {each.authorized_subject.role for each in facts if each.authorized_subject} == {1, 2, 3}
    assert {each.is_self_invoicing for each in facts} == {True, False}
    assert {each.has_attachment for each in facts} == {True, False}
    assert min(each.gross for each in facts) < Decimal(-100_000)
    assert max(each.gross for each in facts) > Decimal(20_000_000)
    assert any(0 < each.gross < 1 for each in facts)
    assert any(len(each.buyer_name or "") > 150 for each in facts)


def test_each_rate_and_block_is_there(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    documents = "".join(invoice.xml.decode() for invoice in everything(invoices))
    rates = set(re.findall(r"<P_12>([^<]*)<", documents))
    assert rates == {"23", "8", "5", "0 KR", "0 WDT", "0 EX", "zw", "oo", "np I", "np II"}
    blocks = (
        "P_14_1W KursWaluty KursWalutyZ StanPrzed NrKSeFN NrKSeFFaKorygowanej FakturaZaliczkowa Zamowienie"
    )
    blocks += " StanPrzedZ RolaInna Zaplacono ZaplataCzesciowa OkresFa Zalacznik Stopka DodatkowyOpis"
    for block in blocks.split():
        assert f"<{block}>" in documents, block
    assert {"&amp;", "&lt;", "&quot;", "&apos;"} <= set(re.findall(r"&[a-z]+;", documents))


def test_several_rates_stand_on_one_invoice(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    mixed = [each for each in everything(invoices) if len(set(re.findall(rb"<P_13_\w+>", each.xml))) > 1]
    assert len(mixed) > 500


def test_the_rates_add_up_from_the_lines(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    for invoice in everything(invoices):
        if invoice.facts.invoice_type in ("Vat", "Upr"):
            lines = re.findall(rb"<P_11>([^<]*)<", invoice.xml)
            assert sum(Decimal(net.decode()) for net in lines) == invoice.facts.net


def test_some_suppliers_are_much_larger_than_others(invoices: dict[str, list[SyntheticInvoice]]) -> None:
    suppliers = Counter(invoice.facts.seller_nip for invoice in invoices["Subject2"])
    most = [count for _, count in suppliers.most_common()]
    assert len(most) > 40
    assert most[0] > 10 * most[40]
    weights = (6, 5, 7, 2, 3, 4, 5, 6, 7)
    for nip in suppliers:
        assert sum(int(digit) * weight for digit, weight in zip(nip, weights, strict=False)) % 11 == int(
            nip[9]
        )
