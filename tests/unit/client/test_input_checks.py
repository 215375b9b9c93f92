from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_ksef.client import input_checks
from airflow_provider_ksef.exceptions import KsefInputError


@pytest.mark.parametrize("length", [5, 256])
def test_descriptions_within_bounds_are_taken(length: int) -> None:
    assert input_checks.check_description("ż" * length) == "ż" * length


@pytest.mark.parametrize("length", [0, 4, 257])
def test_descriptions_outside_are_refused(length: int) -> None:
    with pytest.raises(KsefInputError, match=f"has {length} characters, and KSeF takes 5 to 256"):
        input_checks.check_description("x" * length)


@pytest.mark.parametrize("values", [[], "InvoiceRead", ["InvoiceRead", "Everything"], ["InvoiceRead"] * 2])
def test_lists_of_choices_are_checked(values: list[str]) -> None:
    with pytest.raises(KsefInputError, match="permissions="):
        input_checks.check_choices("permissions", values, ("InvoiceRead", "InvoiceWrite"))


def test_numbers_outside_are_refused() -> None:
    assert input_checks.check_number("page_size", 10, 10, 50) == 10
    with pytest.raises(KsefInputError, match="KSeF takes 10 to 50"):
        input_checks.check_number("page_size", 51, 10, 50)


def test_moments_are_written_in_utc() -> None:
    warsaw = timezone(timedelta(hours=2))
    written = input_checks.moment_text("valid_from", datetime(2026, 9, 1, 1, tzinfo=warsaw))
    assert written == "2026-08-31T23:00:00+00:00"
    with pytest.raises(KsefInputError, match="has no time zone"):
        input_checks.moment_text("valid_from", datetime(2026, 9, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [None, 12345, ["a", "b", "c", "d", "e"]])
def test_a_description_is_a_text(value: Any) -> None:
    with pytest.raises(KsefInputError, match=r"description=.*is no text"):
        input_checks.check_description(value)
