from __future__ import annotations

import math

import pytest

from airflow_provider_ksef.client import ENVIRONMENTS, ContextIdentifier, Settings, TokenCredential
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.exceptions import KsefInputError
from tests.unit.client.fake_ksef import SETTINGS, TOKEN


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(SETTINGS)
    assert TOKEN not in str(SETTINGS.credential)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Nip", "5250001210"),
        ("InternalId", "5250001210-12346"),
        ("NipVatUe", "5250001210-DE123456789"),
        ("PeppolId", "PPL000001"),
    ],
)
def test_contexts_of_every_type(kind: str, value: str) -> None:
    assert ContextIdentifier(kind, value).value == value


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("Nip", "5250001211", "login"),
        ("InternalId", "5250001210", "login"),
        ("PeppolId", "5250001210", "login"),
        ("nip", "5250001210", "context_type"),
    ],
)
def test_a_wrong_context_is_refused(kind: str, value: str, field: str) -> None:
    with pytest.raises(KsefInputError) as raised:
        ContextIdentifier(kind, value)
    assert raised.value.field == field


@pytest.mark.parametrize(
    "url", ["", "api.ksef.mf.gov.pl/v2", "https://api.ksef.mf.gov.pl", "ftp://x/v2", "https:///v2"]
)
def test_a_wrong_base_url_is_refused(url: str) -> None:
    with pytest.raises(KsefInputError, match="host"):
        Environment("custom", url, "")


@pytest.mark.parametrize("timeout", [0.0, -1.0, math.inf, math.nan])
def test_a_wrong_timeout_is_refused(timeout: float) -> None:
    with pytest.raises(KsefInputError, match="timeout"):
        Settings(ENVIRONMENTS["test"], SETTINGS.context, SETTINGS.credential, timeout)


@pytest.mark.parametrize("token", ["", " \n"])
def test_an_empty_token_is_refused(token: str) -> None:
    with pytest.raises(KsefInputError, match="password"):
        TokenCredential(token)
