"""When a request is repeated, and after how long: one policy for both executors and for file transfers."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, TypedDict

import tenacity

from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefError,
    KsefRateLimitError,
    KsefTransportError,
    KsefUnavailableError,
)

log = logging.getLogger(__name__)

TRIES = 4
LONGEST_WAIT = 60.0
"""Seconds that we sit out where KSeF asks to; longer waits are the caller's to plan."""
_backoff = tenacity.wait_exponential(multiplier=0.5, max=8.0) + tenacity.wait_random(0.0, 0.5)


class Policy(TypedDict):
    """Arguments of ``tenacity.Retrying`` and ``tenacity.AsyncRetrying``."""

    retry: tenacity.retry_if_exception
    wait: Any
    stop: tenacity.stop_after_attempt
    before_sleep: Any
    reraise: bool


def may_repeat(error: BaseException, *, is_safe: bool) -> bool:
    """
    Whether another try can do good and no harm.

    A refused connection and a 429 had no effect. After a cut connection, a timeout or an error of the gateway
    nobody knows, so only what is safe is repeated.

    :param error: how the try ended.
    :param is_safe: whether carrying it out twice is the same as once.
    """
    match error:
        case KsefRateLimitError():
            return (error.fault.retry_after or 0.0) <= LONGEST_WAIT
        case KsefTransportError():
            return is_safe or not error.sent
        case KsefUnavailableError():
            return is_safe and (error.fault.retry_after or 0.0) <= LONGEST_WAIT
    return False


def wait_before_repeat(state: tenacity.RetryCallState) -> float:
    """Seconds to wait: as long as KSeF asks, else, or at 0, a growing pause with some chance in it."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.fault.retry_after if isinstance(error, KsefApiError) else None
    return asked or _backoff(state)


def policy(what: str, *, is_safe: bool, tries: int = TRIES) -> Policy:
    """
    Make the retry policy of one request.

    :param what: names the request in the log.
    :param is_safe: whether carrying it out twice is the same as once.
    :param tries: how often it is tried at most.
    """
    return Policy(
        retry=tenacity.retry_if_exception(partial(may_repeat, is_safe=is_safe)),
        wait=wait_before_repeat,
        stop=tenacity.stop_after_attempt(tries),
        before_sleep=partial(_tell, what, tries),
        reraise=True,
    )


def _tell(what: str, tries: int, state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0.0
    why = error.message if isinstance(error, KsefError) else error
    log.warning("%s: try %d of %d in %.1f s. %s", what, state.attempt_number + 1, tries, seconds, why)
