"""VAT numbers of other EU countries are for the client what they are for the contract."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.client.identifiers import is_vat_ue
from tests.contract.openapi import Contract

FORMS = {
    "AT": "U12345678",
    "BE": "0123456789",
    "CY": "12345678X",
    "EL": "123456789",
    "ES": "X1234567X",
    "FR": "XX123456789",
    "IE": "1234567FA",
    "NL": "123456789B01",
    "XI": "GD123",
}


@pytest.fixture(scope="module")
def official(contract: Contract) -> re.Pattern[str]:
    """The contract's pattern."""
    schema = contract.resolved({"$ref": "#/components/schemas/EuEntityPermissionsQueryRequest"})
    return re.compile(schema["properties"]["vatUeIdentifier"]["pattern"], re.ASCII)


@pytest.mark.parametrize("country", FORMS)
def test_each_countrys_form_is_known(official: re.Pattern[str], country: str) -> None:
    number = country + FORMS[country]
    assert official.fullmatch(number)
    assert is_vat_ue(number)


numbers = st.one_of(
    st.sampled_from(sorted(FORMS)).map(lambda country: country + FORMS[country]),
    st.from_regex(r"[A-Z]{2}[A-Z0-9+*]{2,12}", fullmatch=True),
)


@given(numbers, st.integers(0, 14), st.sampled_from("0A*+x ł"))
def test_the_contract_is_of_the_same_opinion(
    official: re.Pattern[str], number: str, place: int, other: str
) -> None:
    for text in (number, number[:place] + other + number[place + 1 :], number[:place]):
        assert is_vat_ue(text) is bool(official.fullmatch(text))
