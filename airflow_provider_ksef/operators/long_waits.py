"""No worker sits out a long wait for KSeF's rate limits: the task leaves its slot, and no retry is spent."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol

from airflow_provider_ksef._compat import AirflowRescheduleException
from airflow_provider_ksef.client import retries
from airflow_provider_ksef.exceptions import KsefBudgetError, KsefError, KsefRateLimitError
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger

log = logging.getLogger(__name__)


class LeavingOperator(Protocol):
    """What an operator has that may leave its slot; its ``execute_complete`` takes over from the trigger."""

    deferrable: bool
    timeout: float

    def defer(self, *, trigger: Any, method_name: str) -> NoReturn:
        """Leave the worker slot until the trigger fires."""


def moment_to_go_on(error: KsefError) -> float | None:
    """
    Tell when KSeF takes the next call, in seconds since the epoch.

    :returns: None where the error is another one, or a worker may sit it out.
    """
    if isinstance(error, KsefBudgetError):
        return error.until
    if isinstance(error, KsefRateLimitError) and (error.fault.retry_after or 0.0) > retries.LONGEST_WAIT:
        return time.time() + (error.fault.retry_after or 0.0)
    return None


@contextmanager
def long_waits(
    operator: LeavingOperator, reference: str, resume: Callable[[], dict[str, Any]]
) -> Iterator[None]:
    """
    Leave the slot where the work inside comes upon a long wait: deferred where the operator defers, else
    rescheduled, which begins with ``execute`` again in the same try, and so with a whole timeout.

    :param operator: the task.
    :param reference: of what the task waits for in KSeF, where it does; its event tells of that.
    :param resume: gives what ``execute_complete`` finds under ``resume`` in its event, small and no secret.
        Without a ``deadline`` in it, a whole timeout is left after the wait.
    """
    try:
        yield
    except (KsefBudgetError, KsefRateLimitError) as error:
        moment = moment_to_go_on(error)
        if moment is None:
            raise
        kept = {"deadline": moment + operator.timeout, **resume()}
        log.warning("%s The worker slot is free until then.", error)
        if operator.deferrable:
            trigger = KsefMomentTrigger(reference, moment=moment, resume=kept)
            operator.defer(trigger=trigger, method_name="execute_complete")
        raise AirflowRescheduleException(datetime.fromtimestamp(moment, UTC)) from error
