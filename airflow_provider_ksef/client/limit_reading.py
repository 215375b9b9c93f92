"""KSeF is asked for its rate limits, by one process for all."""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.limits import RateLimits, rate_limits
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefBudgetError,
    KsefIntegrityError,
    KsefTransportError,
)

log = logging.getLogger(__name__)
_PATH = rate_limits().path


def may_read_before(call: Call[Any]) -> bool:
    """Whether the limits may be read before a call: logins come first, and the reading itself."""
    return call.needs_login and not call.link and call.path != _PATH


def read_limits() -> Flow[RateLimits | None]:
    """Read the limits; None where that fails, since no task fails for want of them."""
    try:
        return (yield from rate_limits())
    except (KsefApiError, KsefBudgetError, KsefIntegrityError, KsefTransportError) as error:
        log.warning("KSeF's rate limits cannot be read, those of production are taken: %s", error)
        return None
