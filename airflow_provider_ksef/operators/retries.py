"""Which failures are worth another try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow_provider_ksef._compat import RetryDecision, RetryPolicy
from airflow_provider_ksef.exceptions import (
    KsefFullInstantError,
    KsefInputError,
    KsefLoginError,
    KsefRateLimitError,
    KsefUnavailableError,
)

DEFAULT_RETRIES = 3
TRANSIENT_LOGIN_CODES = (100, 500, 550)


class KsefRetryPolicy(RetryPolicy):
    """Fail at once on what no other try could change, wait where KSeF asks to, else retry as usual."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide by the exception; see :class:`airflow.sdk.RetryPolicy`."""
        del try_number, max_tries, context
        if isinstance(exception, KsefInputError):
            return RetryDecision.fail(reason="the same input fails again")
        if isinstance(exception, KsefLoginError) and exception.code not in TRANSIENT_LOGIN_CODES:
            return RetryDecision.fail(reason="KSeF refused the login")
        if isinstance(exception, KsefFullInstantError):
            return RetryDecision.fail(reason="no export gets past so many invoices of one date")
        asked = _asked_to_wait(exception)
        if asked is not None:
            return RetryDecision.retry(delay=timedelta(seconds=asked), reason="KSeF asked to wait")
        return RetryDecision.default()


def _asked_to_wait(exception: BaseException) -> float | None:
    """Seconds that KSeF asked to wait, where it did."""
    if isinstance(exception, (KsefRateLimitError, KsefUnavailableError)):
        return exception.fault.retry_after
    return None


RETRY_POLICY = KsefRetryPolicy()
"""
The default of every operator. It stands in their signatures, beside DEFAULT_RETRIES: Airflow reads there what
mapped tasks get and what ``default_args`` may replace.
"""
