"""From an Airflow connection to settings: what is taken, and what is refused with which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_ksef.client import ENVIRONMENTS
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.hooks.ksef import KsefHook

NIP = "5250001210"
TOKEN = "secret-token-1234567890"


def hook_for(
    monkeypatch: pytest.MonkeyPatch, context_identifier: str | None = None, **fields: Any
) -> KsefHook:
    connection = {"conn_type": "ksef", "login": NIP, "password": TOKEN, **fields}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps(connection))
    return KsefHook(context_identifier=context_identifier)


def test_the_test_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = hook_for(monkeypatch).settings
    assert settings.environment.base_url == "https://api-test.ksef.mf.gov.pl/v2"
    assert (settings.context.type, settings.context.value) == ("Nip", NIP)


@pytest.mark.parametrize(
    ("name", "url"),
    [("demo", "https://api-demo.ksef.mf.gov.pl/v2"), ("production", "https://api.ksef.mf.gov.pl/v2")],
)
def test_an_environment_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    environment = hook_for(monkeypatch, extra={"environment": name}).settings.environment
    assert (environment.name, environment.base_url) == (name, url)


def test_a_host_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = hook_for(monkeypatch, host="http://127.0.0.1:8089/v2/").settings.environment
    assert (environment.name, environment.base_url) == ("test:127.0.0.1", "http://127.0.0.1:8089/v2")


def test_a_known_environment_is_known_by_its_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = hook_for(monkeypatch, host="https://api.ksef.mf.gov.pl/v2").settings.environment
    assert environment == ENVIRONMENTS["production"]


def test_one_host_may_stand_for_two_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("test", "production"):
        hook = hook_for(monkeypatch, host="http://proxy.example/v2", extra={"environment": name})
        assert hook.settings.environment.name == f"{name}:proxy.example"


def test_a_context_identifier_overrides_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hook_for(monkeypatch, context_identifier="5265877635").settings.context.value == "5265877635"


@pytest.mark.parametrize("given", ["", " "])
def test_a_context_identifier_that_is_empty_does_not_mean_the_login(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """It comes from a template, and whoever wrote it means another company than the connection's."""
    with pytest.raises(KsefInputError, match=r"context_identifier=.*in whose name"):
        _ = hook_for(monkeypatch, context_identifier=given).settings


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"login": None}, "login", "no context identifier"),
        ({"login": "5250001211"}, "login", "5250001211"),
        ({"login": "12"}, "login", "12"),
        ({"password": None}, "password", "no KSeF token"),
        ({"password": "  "}, "password", "no KSeF token"),
        ({"extra": {"environment": "prod"}}, "environment", "test, demo, production"),
        ({"extra": {"context_type": "Pesel"}}, "context_type", "Nip, InternalId"),
        ({"extra": {"timeout": "soon"}}, "timeout", "soon"),
        ({"extra": {"timeout": -1}}, "timeout", "-1"),
        ({"extra": {"timeout": 0}}, "timeout", "0"),
        ({"host": "127.0.0.1:8089"}, "host", "ends in /v2"),
        ({"host": f"http://u:{TOKEN}@127.0.0.1:8089/v2"}, "host", "user or password"),
        ({"host": "http://[bad/v2"}, "host", "ends in /v2"),
        ({"host": "http://ksef.example/v1?x=/v2"}, "host", "ends in /v2"),
        ({"extra": {"environment": ["test"]}}, "environment", "not a text"),
        ({"extra": "{environment: production}"}, "extra", "not a JSON object"),
        ({"extra": '["production"]'}, "extra", "not a JSON object"),
        ({"password": TOKEN + "x" * 160}, "password", "longer than a KSeF token"),
    ],
)
def test_a_wrong_field_is_named_with_value_and_remedy(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(KsefInputError) as refused:
        _ = hook_for(monkeypatch, **fields).settings
    assert refused.value.field == field
    assert words in str(refused.value)
    assert refused.value.remedy
    assert TOKEN not in str(refused.value)


def test_no_repr_shows_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_for(monkeypatch)
    assert TOKEN not in repr(hook.settings) + repr(hook.settings.credential) + repr(hook.get_conn())


def test_a_refused_connection_test_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    succeeded, message = hook_for(monkeypatch, login=None).test_connection()
    assert not succeeded
    assert "login" in message
