"""Waiting until KSeF has processed a session, in place or in the triggerer, for every sending operator."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from airflow_provider_ksef.client import KsefClient, sessions
from airflow_provider_ksef.client.retries import LONGEST_WAIT
from airflow_provider_ksef.client.sessions import SessionStatus
from airflow_provider_ksef.exceptions import KsefError, KsefTimeoutError
from airflow_provider_ksef.triggers.pace import pause_since
from airflow_provider_ksef.triggers.polling import passes_by_itself, refuse_blind_trigger, wanted_wait
from airflow_provider_ksef.triggers.session import KsefSessionTrigger

log = logging.getLogger(__name__)

SESSION_LIFE_SECONDS = 12 * 3600.0
"""How long KSeF keeps a session that is open or at work."""


class WaitingOperator(Protocol):
    """What an operator has that waits for a session; its ``execute_complete`` takes over from the trigger."""

    ksef_conn_id: str
    context_identifier: str | None
    deferrable: bool
    poll_interval: float
    timeout: float

    def defer(self, *, trigger: Any, method_name: str) -> NoReturn:
        """Leave the worker slot until the trigger fires."""


def wait_for_session(
    operator: WaitingOperator,
    ksef: KsefClient,
    reference: str,
    *,
    deadline: float,
    resume: Mapping[str, Any],
    trigger_error: str | None = None,
) -> SessionStatus:
    """
    Ask for a closed session's status until it is final; a deferrable operator is deferred in between.

    KSeF may be away meanwhile, for a maintenance for instance: that is waited out, too.

    :param operator: says how to wait.
    :param ksef: the client.
    :param reference: of the session.
    :param deadline: end of the waiting in seconds since the epoch, so that a resumption does not prolong it.
    :param resume: what ``execute_complete`` needs beside ``deadline``, which is added; small and no secret.
    :param trigger_error: what the trigger could not do, where it has just fired.
    :returns: the session's final status.
    :raises KsefTimeoutError: where KSeF has not finished by the deadline.
    :raises KsefError: where KSeF is away at the deadline, or asks to be left alone for more than a minute.
    :raises KsefTriggererError: where the triggerer could not ask KSeF, though the worker can.
    """
    while True:
        status, wanted = _asked(ksef, reference, deadline)
        if status is not None and status.is_final:
            return status
        left = deadline - time.time()
        if left <= 0:
            raise KsefTimeoutError(
                f"Session {reference} was not processed within {operator.timeout:.0f} s.",
                "It is processed all the same: raise timeout, or wait for it with KsefSessionSensor.",
            )
        if operator.deferrable:
            refuse_blind_trigger(trigger_error)
            trigger = KsefSessionTrigger(
                reference,
                ksef_conn_id=operator.ksef_conn_id,
                context_identifier=operator.context_identifier,
                poll_interval=operator.poll_interval,
                since=deadline - operator.timeout,
                deadline=deadline,
                resume={**resume, "deadline": deadline},
            )
            operator.defer(trigger=trigger, method_name="execute_complete")
        pause = pause_since(deadline - operator.timeout, operator.poll_interval)
        time.sleep(min(max(pause, wanted), left))


def _asked(ksef: KsefClient, reference: str, deadline: float) -> tuple[SessionStatus | None, float]:
    """
    Ask once.

    :returns: the status, None where KSeF is away, which is waited out here as in the triggerer; and the
        seconds that KSeF asks to wait.
    """
    try:
        status = ksef.run(sessions.get_status(reference))
    except KsefError as error:
        wanted = wanted_wait(error)
        if not passes_by_itself(error) or time.time() >= deadline or wanted > LONGEST_WAIT:
            raise
        log.warning("Session %s: asking again later. %s", reference, error)
        return None, wanted
    if not status.is_final:
        log.info("Session %s: %d %s.", reference, status.code, status.description)
    return status, 0.0
