"""Asking again and again until KSeF has finished with something."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_ksef.client.calls import Call, Flow, Pause
from airflow_provider_ksef.exceptions import KsefTimeoutError

T = TypeVar("T")
FIRST_PAUSE, PAUSE_GROWTH, LONGEST_PAUSE = 0.5, 1.6, 10.0
"""Seconds between questions; KSeF's group ``other`` allows 120 an hour of each endpoint."""


def wait_until(what: str, call: Call[T], is_final: Callable[[T], bool], *, patience: float) -> Flow[T]:
    """
    Ask until the answer is final.

    :param what: what is waited for, with its reference number.
    :param call: asks how it stands.
    :param is_final: judges an answer.
    :param patience: seconds after which to give up.
    :returns: the final answer.
    :raises KsefTimeoutError: where it is not final within that time.
    """
    started, pause = time.monotonic(), FIRST_PAUSE
    while True:
        status = yield from call
        if is_final(status):
            return status
        if time.monotonic() - started > patience:
            raise KsefTimeoutError(f"{what} is not finished after {patience:.0f} s.", "Ask again later.")
        yield from Pause(pause)
        pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE)
