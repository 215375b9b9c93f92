"""KSeF numbers, reference numbers and moments, held against published ones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.emulator.moments import (
    WARSAW,
    format_metadata_moment,
    format_moment,
    parse_moment,
    polish_day,
    ticks_of,
)
from airflow_provider_ksef.emulator.numbers import (
    KSEF_NUMBER,
    crc8,
    make_ksef_number,
    make_reference_number,
    normalize_ksef_number,
)

KSEF_NUMBERS = [
    "5250001210-20260901-0A1B2C000000-C6",
    "5265877635-20250826-0100001AF629-AF",
    "5265877635-20250916-010040741B3E-46",
    "4188479938-20260212-5B26A1000000-36",
    "8980017188-20260324-381F0C000000-A2",
]
REFERENCES = [
    "20250901-SB-47FA636000-5960B49115-9D",
    "20251126-SO-4684D05000-80F99CE469-27",
    "20251126-EE-4684E25000-80086AE9FB-00",
    "20260522-EH-36DA532000-7F2C49A3B7-0A",
    "20251109-AU-4E8F240000-10B9FC29D2-6E",
    "20260901-CR-1A2B3C4000-0F1E2D3C4B-7A",
]


@pytest.mark.parametrize("number", KSEF_NUMBERS)
def test_a_ksef_number_is_composed_as_ksef_does(number: str) -> None:
    nip, day, technical, _ = number.split("-")
    assert make_ksef_number(nip, datetime.strptime(day, "%Y%m%d").date(), technical) == number  # noqa: DTZ007
    assert KSEF_NUMBER.fullmatch(number)


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_number_ends_in_the_crc_of_its_first_33_characters(reference: str) -> None:
    assert crc8(reference[:33]) == reference[-2:]


def test_new_reference_numbers_have_the_form_of_real_ones() -> None:
    made = make_reference_number("SB", date(2026, 9, 1))
    assert len(made) == 36
    assert made.startswith("20260901-SB-")
    assert crc8(made[:33]) == made[-2:]


def test_the_older_form_of_a_ksef_number_is_the_same_number() -> None:
    assert normalize_ksef_number("5265877635-20250826-010000-1AF629-AF") == KSEF_NUMBERS[1]


@given(st.integers(0, 4 * 10**17))
def test_a_moment_survives_writing_and_reading(ticks: int) -> None:
    assert parse_moment(format_moment(ticks)) == ticks
    assert parse_moment(format_metadata_moment(ticks)) == ticks // 10 * 10


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00+01:00", datetime(2026, 3, 1, 9, tzinfo=UTC)),
        ("2026-03-01T10:00:00.5-0230", datetime(2026, 3, 1, 12, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_every_form(text: str, moment: datetime) -> None:
    assert parse_moment(text) == ticks_of(moment)


def test_a_moment_without_offset_is_in_the_zone_that_is_asked_for() -> None:
    assert parse_moment("2026-07-01T00:30:00", zone=WARSAW) == parse_moment("2026-06-30T22:30:00Z")
    assert polish_day(parse_moment("2026-06-30T22:30:00Z")) == date(2026, 7, 1)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-03-01T25:00:00Z", "20260301"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)
