"""Pauses between questions: they grow with the waiting and keep within what KSeF allows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.triggers.pace import LONGEST_PAUSE, pause

EXPORT_STATUS = {1: 10, 60: 60, 3600: 600}
"""How many questions KSeF allows in so many seconds; of sessions it allows more."""
HALF_A_DAY = 12 * 3600


def asked_at(poll_interval: float) -> list[float]:
    """The moments at which one waiting asks, from its first pause on."""
    moments, waited = [], 0.0
    while waited < HALF_A_DAY:
        waited += pause(waited, poll_interval)
        moments.append(waited)
    return moments


@given(st.floats(min_value=1e-6, max_value=900))
def test_one_waiting_never_asks_more_than_ksef_allows(poll_interval: float) -> None:
    moments = asked_at(poll_interval)
    for seconds, most in EXPORT_STATUS.items():
        for number in range(len(moments) - most):
            assert moments[number + most] - moments[number] > seconds
    assert len([moment for moment in moments if moment <= 3600]) < 100


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=1e-6, max_value=1e4))
def test_a_pause_grows_up_to_its_bound(waited: float, poll_interval: float) -> None:
    assert pause(waited, poll_interval) <= pause(waited * 1.5, poll_interval)
    assert poll_interval <= pause(waited, poll_interval) <= max(poll_interval, LONGEST_PAUSE)


def test_nobody_waits_a_tenth_too_long() -> None:
    moments = [0.0, *asked_at(10)]
    for ready in range(120, HALF_A_DAY - 3600, 97):
        seen = next(moment for moment in moments if moment >= ready)
        assert seen - ready <= ready * 0.1 + 1e-6


@pytest.mark.parametrize("waited", [-5.0, 0.0])
def test_a_clock_that_was_set_back_does_no_harm(waited: float) -> None:
    assert math.isclose(pause(waited, 7.0), 7.0)
