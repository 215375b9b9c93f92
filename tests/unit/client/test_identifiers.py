from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.client import identifiers
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

KSEF_NUMBERS = [
    "5265877635-20250826-0100001AF629-AF",
    "5265877635-20250916-010040741B3E-46",
    "4188479938-20260212-5B26A1000000-36",
    "8980017188-20260324-381F0C000000-A2",
    "5250001210-20260901-0A1B2C000000-C6",
    "5250001210-20260901-0A1B2C-000000-C6",
]
REFERENCES = [
    "20250901-SB-47FA636000-5960B49115-9D",
    "20251126-SO-4684D05000-80F99CE469-27",
    "20251126-EE-4684E25000-80086AE9FB-00",
    "20260522-EH-36DA532000-7F2C49A3B7-0A",
    "20251109-AU-4E8F240000-10B9FC29D2-6E",
    "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A",
    "20260901-AU-1A2B3C5000-0F1E2D3C4C-A2",
    "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A",
    "20260901-SB-1A2B3C7000-0F1E2D3C4E-78",
    "20260901-EE-1A2B3C8001-0F1E2D3C4F-01",
    "20260901-EU-1A2B3C9000-0F1E2D3C50-18",
    "20260901-EH-1A2B3CA000-0F1E2D3C51-AD",
    "20260901-EG-1A2B3CB000-0F1E2D3C52-89",
    "20260901-EC-1A2B3CC000-0F1E2D3C53-D1",
]


@pytest.mark.parametrize("number", KSEF_NUMBERS)
def test_real_ksef_numbers_are_recognised(number: str) -> None:
    assert identifiers.is_ksef_number(number)


@pytest.mark.parametrize("reference", REFERENCES)
def test_real_reference_numbers_are_recognised(reference: str) -> None:
    assert identifiers.is_reference_number(reference)


@given(st.sampled_from(KSEF_NUMBERS[:5]), st.integers(0, 34), st.sampled_from("0123456789ABCDEF"))
def test_a_mistyped_ksef_number_is_noticed(number: str, place: int, typed: str) -> None:
    mistyped = number[:place] + typed + number[place + 1 :]
    assert identifiers.is_ksef_number(mistyped) == (mistyped == number)


@given(st.sampled_from(REFERENCES), st.integers(0, 35), st.sampled_from("0123456789ABCDEF"))
def test_a_mistyped_reference_number_is_noticed(reference: str, place: int, typed: str) -> None:
    mistyped = reference[:place] + typed + reference[place + 1 :]
    assert identifiers.is_reference_number(mistyped) == (mistyped == reference)


@pytest.mark.parametrize("number", ["M123456789", "ABC1234567"])
def test_sellers_without_a_nip_have_ksef_numbers_too(number: str) -> None:
    stem = f"{number}-20260901-0A1B2C000000"
    assert identifiers.is_ksef_number(f"{stem}-{identifiers.crc8(stem):02X}")


def test_other_samples() -> None:
    assert identifiers.is_collective_identifier("1111111111-IZ202607-65ED02180000-E7")
    assert identifiers.is_collective_identifier("5250001210-IZ202609-0A1B2C300000-A9")
    assert identifiers.is_internal_id("6824515772-12343")
    assert identifiers.is_internal_id("5250001210-12346")
    assert not identifiers.is_internal_id("5250001210-12345")
    assert identifiers.is_nip_vat_ue("5250001210-DE123456789")
    assert not identifiers.is_nip_vat_ue("5250001211-DE123456789")
    assert identifiers.is_peppol_id("PPL000001")
    assert not identifiers.is_peppol_id("PPL00001")


@given(st.sampled_from(["5250001210", "5265877635", "8980017188"]), st.integers(0, 9), st.integers(0, 9))
def test_one_wrong_digit_of_a_nip_is_noticed(nip: str, place: int, digit: int) -> None:
    mistyped = nip[:place] + str(digit) + nip[place + 1 :]
    assert identifiers.is_nip(mistyped) == (mistyped == nip)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("525-000-12-10", "is not a NIP"),
        ("PL5250001210", "is not a NIP"),
        ("", "is not a NIP"),
        ("5250001210\n", "is not a NIP"),
        ("525000121٠", "is not a NIP"),
        ("0250001210", "is not a NIP"),
        ("5250001211", "wrong checksum"),
    ],
)
def test_a_wrong_nip_is_named_with_field_and_remedy(value: str, problem: str) -> None:
    with pytest.raises(KsefInputError, match=problem) as raised:
        identifiers.check_nip(value, "seller_nip")
    assert raised.value.field == "seller_nip"
    assert raised.value.value == value
    assert raised.value.remedy


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    judges = [getattr(identifiers, name) for name in dir(identifiers) if name.startswith("is_")]
    assert [judge(text) for judge in judges] == [False] * len(judges)


PESELS = ["30112206276", "38092277125"]
FINGERPRINT = "0123456789ABCDEF" * 4


@pytest.mark.parametrize("pesel", PESELS)
def test_the_official_guides_pesels_are_recognised(pesel: str) -> None:
    assert identifiers.check_pesel(pesel) == pesel


@given(st.sampled_from(PESELS), st.integers(0, 10), st.sampled_from("0123456789"))
def test_a_mistyped_pesel_is_noticed(pesel: str, place: int, typed: str) -> None:
    mistyped = pesel[:place] + typed + pesel[place + 1 :]
    assert identifiers.is_pesel(mistyped) == (mistyped == pesel)


@pytest.mark.parametrize(
    ("check", "wrong", "says"),
    [
        (identifiers.check_pesel, "30112206270", "has a wrong checksum"),
        (identifiers.check_pesel, "3011220627", "is not a PESEL"),
        (identifiers.check_pesel, "30132206276", "is not a PESEL"),
        (identifiers.check_fingerprint, FINGERPRINT.lower(), "is not the fingerprint"),
        (identifiers.check_fingerprint, FINGERPRINT[1:], "is not the fingerprint"),
        (identifiers.check_internal_id, "6824515772-12344", "one of its checksums is wrong"),
        (identifiers.check_certificate_serial, "01f20a5d352ae590", "is not the serial number"),
        (identifiers.check_collective_identifier, "1111111111-IZ202607-65ED02180000-E8", "checksum is wrong"),
        (identifiers.check_peppol_id, "PPL00001", "is not a Peppol provider"),
    ],
)
def test_what_is_wrong_is_said(check: Callable[[str], str], wrong: str, says: str) -> None:
    with pytest.raises(KsefInputError, match=says) as caught:
        check(wrong)
    assert caught.value.value == wrong


def test_the_last_digit_of_a_new_part_of_a_company_is_told() -> None:
    with pytest.raises(KsefInputError) as caught:
        identifiers.check_internal_id("5250001210-00001")
    assert "5250001210-00004" in caught.value.remedy


@pytest.mark.parametrize("wrong", ["5250001211-00004", "5250001210-0004"])
def test_no_last_digit_is_told_where_more_is_wrong(wrong: str) -> None:
    with pytest.raises(KsefInputError) as caught:
        identifiers.check_internal_id(wrong)
    assert "five digits as KSeF shows them" in caught.value.remedy


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Nip", "5250001210"), ("Pesel", "30112206276"), ("Fingerprint", FINGERPRINT)],
)
def test_subjects_have_identifiers_of_three_types(kind: str, value: str) -> None:
    assert SubjectIdentifier(kind, value).to_json() == {"type": kind, "value": value}
    with pytest.raises(KsefInputError):
        SubjectIdentifier(kind, value[:-1] + "X")


def test_a_subject_of_another_type_is_refused() -> None:
    with pytest.raises(KsefInputError, match="Give one of: Nip, Pesel, Fingerprint"):
        SubjectIdentifier("InternalId", "6824515772-12343")


@pytest.mark.parametrize(
    "check",
    [
        identifiers.check_nip,
        identifiers.check_pesel,
        identifiers.check_fingerprint,
        identifiers.check_internal_id,
        identifiers.check_certificate_serial,
        identifiers.check_collective_identifier,
        identifiers.check_peppol_id,
        identifiers.check_reference_number,
        identifiers.check_ksef_number,
    ],
)
@pytest.mark.parametrize("value", [5250001210, None])
def test_what_is_no_text_is_told_as_any_mistake(check: Callable[[Any, str], str], value: object) -> None:
    with pytest.raises(KsefInputError, match=f"given={value}: is not "):
        check(value, "given")
