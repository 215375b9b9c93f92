"""What is read from official sample documents and from odd ones."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.emulator.documents import (
    FORMS,
    InvoiceFacts,
    Rejected,
    ThirdSubject,
    read_invoice,
)
from airflow_provider_ksef.emulator.synthetic import synthesize

VALUES = {
    "invoice_number": "FV/1/2026",
    "idwew1_podmiot3": "6824515772-12343",
    "idwew_nip": "6824515772-12343",
}
PLAIN = next(
    synthesize("5250001210", "Subject1", index, 1, date(2026, 3, 1))
    for index in range(1000)
    if b"P_14_1>" in synthesize("5250001210", "Subject1", index, 1, date(2026, 3, 1)).xml
)


def filled(template: Path) -> bytes:
    """The template with something sensible for each ``#placeholder#``."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if "idwew" in name:
            return "6824515772-12343"
        return VALUES.get(name, "2026-01-31" if "date" in name else "5250001210")

    return re.sub(r"#([a-z0-9_]+)#", value, template.read_text("utf-8")).strip().encode()


def sample(shared_ksef: Path, name: str) -> InvoiceFacts:
    return read_invoice(filled(shared_ksef / "samples" / f"invoice-template-{name}.xml"))


def test_fa_3_is_read_as_the_reference_client_expects(shared_ksef: Path) -> None:
    facts = sample(shared_ksef, "fa-3")
    assert facts == InvoiceFacts(
        seller_nip="5250001210",
        seller_name="Elektrownia S.A.",
        buyer_type="Nip",
        buyer_value="1111111111",
        buyer_name="F.H.U. Jan Kowalski",
        invoice_number="FA/GRQMB-FV/1/2026/05/2025",
        issue_date=date(2025, 9, 1),
        net=Decimal("43.60"),
        gross=Decimal("53.63"),
        vat=Decimal("10.03"),
        currency="PLN",
        invoice_type="Vat",
        is_self_invoicing=False,
        has_attachment=False,
        third_subjects=(),
        authorized_subject=None,
        form=FORMS["FA (3)"],
    )


def test_fa_2_and_fa_rr_are_read(shared_ksef: Path) -> None:
    assert sample(shared_ksef, "fa-2").form == FORMS["FA (2)"]
    farmers = sample(shared_ksef, "fa-rr-1")
    assert (farmers.form, farmers.invoice_type, farmers.invoice_number) == (
        FORMS["FA_RR (1)"],
        "VatRr",
        "FV/1/2026",
    )
    assert (farmers.net, farmers.vat, farmers.gross) == (Decimal(2000), Decimal(140), Decimal(2140))
    assert farmers.issue_date == date(2026, 2, 23)


def test_attachment_and_third_parties_are_seen(shared_ksef: Path) -> None:
    assert sample(shared_ksef, "fa-3-with-attachment").has_attachment
    thirds = sample(shared_ksef, "fa-3-with-multiple-Subject3").third_subjects
    assert [third.name for third in thirds] == [
        "Szkoła Podstawowa w Bzdziszewie",
        "Szkoła Podstawowa w Przykładowie",
    ]
    assert {third.role for third in thirds} == {8}
    for name in ("fa-3-with-custom-Subject2", "fa-3-with-custom-Subject3"):
        assert sample(shared_ksef, name).seller_name


def changed(pattern: str, replacement: str) -> bytes:
    xml, count = re.subn(pattern, replacement, PLAIN.xml.decode(), count=1, flags=re.DOTALL)
    assert count == 1
    return xml.encode()


def test_tax_of_a_foreign_invoice_is_what_it_states_in_pln() -> None:
    euro = changed("<KodWaluty>PLN", "<KodWaluty>EUR")
    assert read_invoice(euro).vat == 0
    with_pln = re.sub(rb"(<P_14_1>)([^<]*)(</P_14_1>)", rb"\1\2\3<P_14_1W>1576.25</P_14_1W>", euro)
    assert read_invoice(with_pln).vat == Decimal("1576.25")
    assert read_invoice(with_pln).net == PLAIN.facts.net


def test_a_role_in_words_is_role_0_and_an_eu_number_has_its_country() -> None:
    third = (
        "<Podmiot3><DaneIdentyfikacyjne><KodUE>EL</KodUE><NrVatUE>123</NrVatUE></DaneIdentyfikacyjne>"
        "<RolaInna>1</RolaInna><OpisRoli>x</OpisRoli></Podmiot3>"
    )
    facts = read_invoice(changed("</Podmiot2>", f"</Podmiot2>{third}"))
    assert facts.third_subjects[0] == ThirdSubject("VatUe", "EL123", None, 0)


def test_space_around_and_within_a_number_is_collapsed() -> None:
    facts = read_invoice(changed("<P_2>[^<]*</P_2>", "<P_2>  FV  7\n/2026 </P_2>"))
    assert facts.invoice_number == "FV 7 /2026"


def test_prefixes_comments_and_cdata_change_nothing() -> None:
    xml = (
        PLAIN.xml.decode()
        .replace("<Fa>", "<!-- one --><Fa>")
        .replace("<P_2>", "<P_2><!-- two --><![CDATA[A&B ]]>")
    )
    xml = (
        re.sub(r"<(/?)(\w)", r"<\1ksef:\2", xml)
        .replace("<?ksef:xml", "<?xml")
        .replace("xmlns=", "xmlns:ksef=")
    )
    facts = read_invoice(xml.encode())
    assert facts == replace(PLAIN.facts, invoice_number=f"A&B {PLAIN.facts.invoice_number}")


@pytest.mark.parametrize(
    ("pattern", "replacement", "detail"),
    [
        ("<P_2>[^<]*</P_2>", "", "'P_2'"),
        ("<P_2>[^<]*</P_2>", "<P_2> </P_2>", "'P_2'"),
        ("<P_15>[^<]*</P_15>", "", "'P_15'"),
        ("<P_15>[^<]*", "<P_15>1e3", "'1e3'"),
        ("<P_15>[^<]*", "<P_15>1.234", "'1.234'"),
        ("<P_1>[^<]*", "<P_1>2026-02-30", "'2026-02-30'"),
        ("<P_1>[^<]*", "<P_1>01.03.2026", "'01.03.2026'"),
        ("<NIP>[^<]*", "<NIP>0000000000", "'0000000000'"),
        ("<Podmiot1>.*</Podmiot1>", "", "'Podmiot1'"),
        ("<RodzajFaktury>[^<]*", "<RodzajFaktury>FV", "'FV'"),
        ("<KodWaluty>[^<]*</KodWaluty>", "", "'KodWaluty'"),
        ("<KodWaluty>[^<]*", "<KodWaluty>złote", "'złote'"),
        ("<P_2>[^<]*", f"<P_2>{'x' * 257}", "MaxLength"),
        ('kodSystemowy="FA \\(3\\)"', 'kodSystemowy="FA (2)"', "KodFormularza"),
        ("2025/06/25/13775", "2099/01/01/1", "is not declared"),
    ],
)
def test_what_is_missing_or_malformed_is_named(pattern: str, replacement: str, detail: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_invoice(changed(pattern, replacement))
    assert caught.value.code == 450
    assert caught.value.description == "Błąd weryfikacji semantyki dokumentu faktury"
    assert detail in caught.value.details[0]


ENTITIES = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'
LAUGHS = "<!DOCTYPE a [<!ENTITY b 'xxxxxxxxxx'>" + "".join(
    f"<!ENTITY b{n} '{f'&b{n - 1};' * 10 if n else '&b;'}'>" for n in range(9)
)


@pytest.mark.parametrize(
    "text", ["", "abc", "<a", "<a></b>", ENTITIES, f"{LAUGHS}]><a>&b8;</a>", "<a>&x;</a>"]
)
def test_what_is_not_plain_xml_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_invoice(text.encode())
    assert (caught.value.code, caught.value.details[0]) == (450, "Nieprawidłowy XML")


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(PLAIN.xml) - 1), length=st.integers(0, 60), put=st.binary(max_size=4))
def test_no_damage_makes_anything_but_facts_or_a_refusal(place: int, length: int, put: bytes) -> None:
    damaged = PLAIN.xml[:place] + put + PLAIN.xml[place + length :]
    with contextlib.suppress(Rejected):
        assert isinstance(read_invoice(damaged), InvoiceFacts)
