"""Which failures are worth another try."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from airflow_provider_ksef._compat import RetryDecision, RetryPolicy
from airflow_provider_ksef.client.login import TRANSIENT_CODES
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefBudgetError,
    KsefFullInstantError,
    KsefInputError,
    KsefLoginError,
    KsefOperationError,
    KsefRateLimitError,
    KsefUnavailableError,
)

DEFAULT_RETRIES = 3
INVALID_INPUT = 21405
REFUSED_OPERATIONS = (410, 420, 430, 440, 450)
"""Codes by which KSeF refuses a grant or a revocation, rather than to have failed with it."""
LASTING_REASONS = (
    "auth-method-not-allowed",
    "context-type-not-allowed",
    "insufficient-resource-access",
    "ip-not-allowed",
    "missing-permissions",
)
"""Reasons of a 403 that stay until someone changes permissions or the connection."""


class KsefRetryPolicy(RetryPolicy):
    """Fail at once on what no other try could change, wait where KSeF asks to, else retry as usual."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide by the exception; see :class:`airflow.sdk.RetryPolicy`."""
        del try_number, max_tries, context
        lasting = _lasting(exception)
        if lasting is not None:
            return RetryDecision.fail(reason=lasting)
        asked = _asked_to_wait(exception)
        if asked is not None:
            return RetryDecision.retry(delay=timedelta(seconds=asked), reason="KSeF asked to wait")
        return RetryDecision.default()


def _lasting(exception: BaseException) -> str | None:
    """Say why no other try could change anything; None where one could."""
    reason = None
    match exception:
        case KsefInputError():
            reason = "the same input fails again"
        case KsefLoginError() if exception.code not in TRANSIENT_CODES:
            reason = "KSeF refused the login"
        case KsefOperationError() if exception.code in REFUSED_OPERATIONS:
            reason = "KSeF refuses the same change again"
        case KsefFullInstantError():
            reason = "no export gets past so many invoices of one date"
        case KsefApiError() if exception.fault.code == INVALID_INPUT:
            reason = "KSeF refuses the same input again"
        case KsefApiError() if exception.fault.reason_code in LASTING_REASONS:
            reason = "KSeF does not allow it with this login"
    return reason


def _asked_to_wait(exception: BaseException) -> float | None:
    """Seconds until KSeF takes the next call, where that is known."""
    if isinstance(exception, KsefBudgetError):
        return max(0.0, exception.until - time.time())
    if isinstance(exception, (KsefRateLimitError, KsefUnavailableError)):
        return exception.fault.retry_after
    return None


RETRY_POLICY = KsefRetryPolicy()
"""
The default of every operator. It stands in their signatures, beside DEFAULT_RETRIES: Airflow reads there what
mapped tasks get and what ``default_args`` may replace.
"""
