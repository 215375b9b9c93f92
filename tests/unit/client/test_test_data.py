"""What is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_ksef.client import limit_overrides, test_data
from airflow_provider_ksef.client.limits import RateLimit, SessionLimits
from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment, environment_at
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.client.test_environment import check_test_environment
from airflow_provider_ksef.exceptions import KsefInputError
from tests.contract import credential_calls

NIP = "5250001210"
TEST = ENVIRONMENTS["test"]
PERSON = SubjectIdentifier("Pesel", "30112206276")
LIMITS = SessionLimits(1, 3, 10_000)
EMULATOR = "http://127.0.0.1:8089/v2"


@pytest.mark.parametrize(
    "environment",
    [
        ENVIRONMENTS["production"],
        ENVIRONMENTS["demo"],
        environment_at(EMULATOR, ENVIRONMENTS["production"]),
        environment_at(ENVIRONMENTS["production"].base_url, TEST),
        Environment("custom", "https://API.ksef.mf.gov.pl:443/v2", TEST.qr_url),
        environment_at("https://api.ksef.mf.gov.pl./v2", TEST),
        environment_at("https://ksef.mf.gov.pl/api/v2", TEST),
        environment_at("https://ksef-demo.mf.gov.pl/api/v2", TEST),
    ],
)
def test_real_environments_are_refused(environment: Environment) -> None:
    with pytest.raises(KsefInputError, match="has no test data"):
        check_test_environment(environment)


@pytest.mark.parametrize(
    "environment",
    [
        TEST,
        environment_at(EMULATOR, TEST),
        environment_at("https://ksef-test.mf.gov.pl/api/v2", TEST),
        environment_at("https://ksef.example.com/v2", TEST),
    ],
)
def test_others_are_not(environment: Environment) -> None:
    check_test_environment(environment)


CALLS = [name for name in credential_calls.OPERATIONS if name.startswith(("test_data.", "limit_overrides."))]


@pytest.mark.parametrize("name", CALLS)
def test_no_call_is_made_for_production(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(credential_calls, "TEST", ENVIRONMENTS["production"])
    with pytest.raises(KsefInputError, match="environment='production'"):
        credential_calls.OPERATIONS[name]()


WRONG: dict[str, Callable[[], Any]] = {
    "subject_nip": lambda: test_data.create_subject(TEST, "5250001211", "JST", "gmina na próbę"),
    "subject_type": lambda: test_data.create_subject(TEST, NIP, "Club", "klub na próbę"),
    "description": lambda: test_data.create_subject(TEST, NIP, "JST", "krót"),
    "subunits": lambda: test_data.create_subject(
        TEST, NIP, "EnforcementAuthority", "organ", subunits=[test_data.Subunit(NIP, "oddział")]
    ),
    "pesel": lambda: test_data.create_person(TEST, NIP, "30112206270", "na próbę"),
    "permissions": lambda: test_data.grant_permissions(TEST, NIP, PERSON, ["Owner"], "na próbę"),
    "context_nip": lambda: test_data.revoke_permissions(TEST, "1", PERSON),
    "online_session.max_invoice_size_in_mb": lambda: limit_overrides.set_session_limits(
        TEST, replace(LIMITS, max_invoice_size_in_mb=6), LIMITS
    ),
    "batch_session.max_invoices": lambda: limit_overrides.set_session_limits(
        TEST, LIMITS, replace(LIMITS, max_invoices=100_001)
    ),
    "collective_identifier_max_invoices": lambda: limit_overrides.set_session_limits(
        TEST, LIMITS, LIMITS, collective_identifier_max_invoices=1
    ),
    "max_certificates": lambda: limit_overrides.set_certificate_limits(TEST, max_certificates=-1),
    "rate_limits": lambda: limit_overrides.set_rate_limits(TEST, {"other": RateLimit(1, 1, 1)}),
    "rate_limits.other.perHour": lambda: limit_overrides.set_rate_limits(
        TEST, credential_calls.RATES | {"other": RateLimit(1, 1, None)}
    ),
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_values_are_named(field: str) -> None:
    with pytest.raises(KsefInputError) as refused:
        WRONG[field]()
    assert refused.value.field == field
