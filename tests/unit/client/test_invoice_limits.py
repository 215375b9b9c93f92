"""Whose limits hold for what is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_ksef.client.calls import Walk
from airflow_provider_ksef.client.invoice_limits import (
    DEFAULT_LIMITS,
    InvoiceLimits,
    SessionKind,
    read_limits,
)
from airflow_provider_ksef.client.limits import ContextLimits, SessionLimits
from airflow_provider_ksef.exceptions import (
    KsefBudgetError,
    KsefError,
    KsefInputError,
    KsefLoginError,
    KsefTransportError,
)

TOLD = ContextLimits(SessionLimits(2, 4, 7), SessionLimits(5, 10, 100_000), None)


@pytest.mark.parametrize(
    ("kind", "limits"),
    [("online", (2_000_000, 4_000_000, 7)), ("batch", (5_000_000, 10_000_000, 100_000))],
)
def test_a_megabyte_has_a_million_bytes_and_each_kind_of_session_its_limits(
    kind: SessionKind, limits: tuple[int, int, int]
) -> None:
    walk = Walk(read_limits(kind))
    walk.answer(TOLD)
    source = f"the company's limit for {kind} sessions, GET /limits/context"
    assert walk.result == InvoiceLimits(*limits, source)


@pytest.mark.parametrize(
    "error",
    [
        KsefBudgetError("other", 120.0, 1_800_000_000.0, "120 calls an hour are made"),
        KsefTransportError("No answer."),
        KsefError("The answer cannot be read.", "Tell us."),
    ],
)
def test_where_ksef_cannot_be_asked_its_defaults_hold(
    error: KsefError, caplog: pytest.LogCaptureFixture
) -> None:
    walk = Walk(read_limits("batch"))
    walk.fail(error)
    assert replace(walk.result, source=DEFAULT_LIMITS.source) == DEFAULT_LIMITS
    assert "could not be read" in walk.result.source
    assert str(error) in caplog.text


@pytest.mark.parametrize(
    "error",
    [KsefLoginError("Login", 450, "x"), KsefInputError("password", "***", "is no token", "Give one.")],
)
def test_a_login_that_is_refused_is_not_tried_again_for_other_calls(error: KsefError) -> None:
    walk = Walk(read_limits("batch"))
    with pytest.raises(type(error)):
        walk.fail(error)
