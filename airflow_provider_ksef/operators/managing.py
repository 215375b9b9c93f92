"""What all operators that manage KSeF are given, and how they are woken up."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ksef._compat import BaseOperator, Context, RetryPolicy, default_deferrable
from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.operators.parameters import check_above, check_at_least
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.triggers.events import Resume, read_event
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger, refuse_blind_trigger

OPERATION_TIMEOUT_SECONDS = 600.0


class ManagingResume(Resume, frozen=True):
    """
    What a managing task needs to go on.

    :param pending: references of what KSeF is carrying out.
    :param done: what the task has asked for by now.
    """

    pending: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


@dataclass
class ManagingProgress:
    """
    How far a task has come; no secret is part of it.

    :param deadline: end of its waiting in seconds since the epoch.
    :param pending: references of what KSeF is carrying out.
    :param done: what it has asked for by now.
    :param trigger_error: what the trigger could not do, where it has just fired.
    """

    deadline: float
    pending: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    trigger_error: str | None = None

    def resume(self) -> dict[str, Any]:
        """Give what a trigger keeps of it."""
        return {"deadline": self.deadline, "pending": list(self.pending), "done": list(self.done)}


class ManagingOperator(BaseOperator):
    """
    The ground of the operators that manage KSeF; not used by itself.

    :param ksef_conn_id: the Airflow connection.
    :param context_identifier: overrides the connection's login.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    :param poll_interval: seconds between two questions at first.
    :param timeout: seconds to wait for KSeF.
    """

    template_fields: Sequence[str] = ("ksef_conn_id", "context_identifier")
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        poll_interval: float = 5.0,
        timeout: float = OPERATION_TIMEOUT_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(retries=retries, retry_policy=retry_policy, **kwargs)
        check_above("poll_interval", poll_interval, 0)
        check_at_least("timeout", timeout, 0)
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout

    @abstractmethod
    def manage(self, context: Context, ksef: KsefClient, progress: ManagingProgress) -> dict[str, Any]:
        """
        Do what the task is for, from wherever it stands.

        :param context: Airflow's.
        :param ksef: the client.
        :param progress: how far the task has come.
        :returns: the task's result.
        """

    def execute(self, context: Context) -> dict[str, Any]:
        """Do what the task is for."""
        return self._managed(context, ManagingProgress(time.time() + self.timeout))

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Take over from the trigger; KSeF is asked once more."""
        read = read_event(event, ManagingResume, timeout=self.timeout)
        kept = read.resume
        return self._managed(
            context, ManagingProgress(kept.deadline, list(kept.pending), list(kept.done), read.error)
        )

    def leave_slot(
        self, trigger: type[KsefPollingTrigger], reference_number: str, progress: ManagingProgress
    ) -> None:
        """
        Wait in the triggerer; come back where the task waits in place or its time is up.

        :param trigger: asks KSeF.
        :param reference_number: of what is waited for.
        :param progress: how far the task has come.
        :raises KsefTriggererError: where the triggerer could not ask KSeF before.
        """
        if not self.deferrable or progress.deadline <= time.time():
            return
        refuse_blind_trigger(progress.trigger_error)
        asking = trigger(
            reference_number,
            ksef_conn_id=self.ksef_conn_id,
            context_identifier=self.context_identifier,
            poll_interval=self.poll_interval,
            since=progress.deadline - self.timeout,
            deadline=progress.deadline,
            resume=progress.resume(),
        )
        self.defer(trigger=asking, method_name="execute_complete")

    def on_kill(self) -> None:
        """End the login session, and the task; the next try goes on where it stands."""
        end_killed_task()

    def _managed(self, context: Context, progress: ManagingProgress) -> dict[str, Any]:
        hook = KsefHook(self.ksef_conn_id, self.context_identifier)
        with long_waits(self, "", lambda: _after_wait(progress)), hook.get_conn() as ksef:
            result = self.manage(context, ksef, progress)
        self.log.info("Done: %s", result)
        return result


def _after_wait(progress: ManagingProgress) -> dict[str, Any]:
    """A whole timeout is left after a wait for rate limits, so the deadline is not kept."""
    resume = progress.resume()
    del resume["deadline"]
    return resume
