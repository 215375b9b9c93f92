"""Asking KSeF again and again, without blocking the triggerer's event loop."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, Protocol

from airflow_provider_ksef._compat import AirflowException, AirflowRuntimeError, BaseTrigger, TriggerEvent
from airflow_provider_ksef.client import AsyncKsefClient
from airflow_provider_ksef.client.login import TRANSIENT_CODES
from airflow_provider_ksef.exceptions import (
    KsefBudgetError,
    KsefError,
    KsefLoginError,
    KsefRateLimitError,
    KsefTimeoutError,
    KsefTransportError,
    KsefTriggererError,
    KsefUnavailableError,
)
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.hooks.shared_clients import shared_client
from airflow_provider_ksef.triggers.pace import pause_since

log = logging.getLogger(__name__)

SETTLING_SECONDS = 5.0
"""
Least time from a deferral to its event. Airflow's scheduler (3.3) fails a task that runs again before the
scheduler has seen that its worker ended by deferring: https://github.com/apache/airflow/issues/72716
"""
SPREAD_SECONDS = 1.0
"""At random within so many seconds more: hundreds of triggers that begin at once do not ask at once."""


class Status(Protocol):
    """A status that KSeF gives of something asynchronous."""

    @property
    def code(self) -> int:
        """KSeF's status code."""

    @property
    def description(self) -> str:
        """KSeF's text."""

    @property
    def is_final(self) -> bool:
        """Whether KSeF will not change it any more."""


class KsefPollingTrigger(BaseTrigger):
    """
    Fire when the status of something in KSeF is final, or at the deadline.

    The event is ``{"reference_number": str, "code": int | None, "error": str | None, "resume": dict}``: no
    code means that the deadline passed or that KSeF could not be asked. Whoever defers has just asked, so
    the first question comes after a pause; whoever is woken up asks KSeF once more itself. Only references,
    names and counts are kept in Airflow's database, no secret. Whether it fires or is cancelled, it leaves no
    login session behind where it was the last one of its connection.

    :param reference_number: what to ask for.
    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param poll_interval: seconds between two questions at first, see
        :mod:`~airflow_provider_ksef.triggers.pace`.
    :param since: when the waiting began, in seconds since the epoch.
    :param deadline: end of the waiting in seconds since the epoch, so that a restart does not prolong it.
    :param resume: what the task needs to go on; comes back in the event, since ``dag.test()`` drops the
        arguments that a task keeps for its resumption.
    """

    def __init__(
        self,
        reference_number: str,
        *,
        ksef_conn_id: str,
        context_identifier: str | None,
        poll_interval: float,
        since: float,
        deadline: float,
        resume: dict[str, Any],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reference_number = reference_number
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.poll_interval = poll_interval
        self.since = since
        self.deadline = deadline
        self.resume = resume

    @abstractmethod
    async def ask(self, ksef: AsyncKsefClient) -> Status:
        """Read the status from KSeF once."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what Airflow stores of this trigger."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "reference_number": self.reference_number,
                "ksef_conn_id": self.ksef_conn_id,
                "context_identifier": self.context_identifier,
                "poll_interval": self.poll_interval,
                "since": self.since,
                "deadline": self.deadline,
                "resume": self.resume,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask until the status is final."""
        event: dict[str, Any] = {
            "reference_number": self.reference_number,
            "code": None,
            "error": None,
            "resume": self.resume,
        }
        try:
            event["code"] = await self._final_code()
        except (KsefError, AirflowException, AirflowRuntimeError) as error:
            event["error"] = str(error)
        yield TriggerEvent(event)

    async def _final_code(self) -> int | None:
        settling = max(self.poll_interval, SETTLING_SECONDS) + random.uniform(0, SPREAD_SECONDS)  # noqa: S311
        await asyncio.sleep(min(settling, max(self.deadline - time.time(), 0)))
        async with shared_client(KsefHook(self.ksef_conn_id, self.context_identifier)) as ksef:
            while True:
                pause = pause_since(self.since, self.poll_interval)
                try:
                    status = await self.ask(ksef)
                except KsefError as error:
                    if not passes_by_itself(error):
                        raise
                    pause = max(pause, wanted_wait(error))
                    log.warning("%s Asking again in %.0f s.", error, pause)
                else:
                    if status.is_final:
                        return status.code
                    log.info("%s: %s %s.", self.reference_number, status.code, status.description)
                left = self.deadline - time.time()
                if left <= 0:
                    return None
                await asyncio.sleep(min(pause, left))


def passes_by_itself(error: KsefError) -> bool:
    """
    Whether the same question may be answered later, without anybody's help.

    :param error: why there was no answer.
    """
    if isinstance(error, KsefLoginError):
        return error.code in TRANSIENT_CODES
    return isinstance(
        error,
        (KsefBudgetError, KsefRateLimitError, KsefTransportError, KsefUnavailableError, KsefTimeoutError),
    )


def wanted_wait(error: KsefError) -> float:
    """
    Give the seconds until KSeF takes the next call; 0 where that is not known.

    :param error: why it took none.
    """
    if isinstance(error, KsefBudgetError):
        return error.retry_after
    if isinstance(error, (KsefRateLimitError, KsefUnavailableError)):
        return error.fault.retry_after or 0.0
    return 0.0


def refuse_blind_trigger(error: str | None) -> None:
    """
    Fail rather than defer again where the triggerer could not ask KSeF, though the worker can.

    :param error: what the event told.
    :raises KsefTriggererError: where it told an error; the task's next try goes on where this one stands.
    """
    if error is not None:
        raise KsefTriggererError(
            f"The triggerer could not ask KSeF: {error}",
            "Let it reach KSeF and see the same connection as the workers, or set deferrable=False.",
        )
