"""Waiting until KSeF is available."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from airflow_provider_ksef._compat import (
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    RetryPolicy,
    default_deferrable,
)
from airflow_provider_ksef.client.latarnia import LatarniaStatus, get_status
from airflow_provider_ksef.client.settings import ENVIRONMENTS, Environment
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.parameters import check_above
from airflow_provider_ksef.operators.retries import DEFAULT_RETRIES, RETRY_POLICY
from airflow_provider_ksef.sensors.deferring import poke_or_defer
from airflow_provider_ksef.triggers.availability import KsefAvailabilityTrigger
from airflow_provider_ksef.triggers.events import Resume, read_event

log = logging.getLogger(__name__)

MOCKED = (ENVIRONMENTS["test"].base_url, ENVIRONMENTS["demo"].base_url)
WAITED_FOR = "ksef"


class KsefAvailabilitySensor(BaseSensorOperator):
    """
    Wait while KSeF is under maintenance or has failed, as its status service Latarnia tells; no login.

    The result is ``{"status", "messages": [{"category", "type", "title", "text", "start", "end"}]}``. A
    status that is not known counts as unavailable. Where Latarnia itself does not answer, the task fails and
    is tried again.

    :param ksef_conn_id: the Airflow connection, which names the environment.
    :param context_identifier: overrides the connection's login; for one that has none.
    :param trust_mock: on TEST and DEMO, Latarnia is a mock that announces failures which are none. So there
        its word is logged and not waited for, unless this is True.
    :param poke_interval: seconds between two questions, or a ``timedelta``.
    :param deferrable: wait in the triggerer and leave the worker slot free.
    """

    template_fields: Sequence[str] = ("ksef_conn_id", "context_identifier")
    ui_color = "#f6e7ea"

    def __init__(
        self,
        *,
        ksef_conn_id: str = KsefHook.default_conn_name,
        context_identifier: str | None = None,
        trust_mock: bool = False,
        poke_interval: float | timedelta = 300.0,
        retries: int = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = RETRY_POLICY,
        deferrable: bool = default_deferrable(),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, retries=retries, retry_policy=retry_policy, **kwargs)
        check_above("poke_interval", self.poke_interval, 0)
        self.ksef_conn_id = ksef_conn_id
        self.context_identifier = context_identifier
        self.trust_mock = trust_mock
        self.deferrable = deferrable

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask Latarnia once."""
        del context
        with KsefHook(self.ksef_conn_id, self.context_identifier).get_conn() as ksef:
            environment = ksef.settings.environment
            told = ksef.run(get_status(environment))
        is_done = told.is_available or self._is_ignored(environment)
        self._tell(environment, told, waits=not is_done)
        return PokeReturnValue(is_done=is_done, xcom_value=_plain(told) if is_done else None)

    def execute(self, context: Context) -> Any:
        """Poke once; then defer, or poke on in place as Airflow's sensors do."""
        return poke_or_defer(self, context) if self.deferrable else super().execute(context)

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Take over from the trigger; Latarnia is asked once more."""
        read = read_event(event, Resume, timeout=self.timeout, expected=WAITED_FOR)
        log.info("Woken up with code %s.", read.code)
        return poke_or_defer(self, context, read)

    @property
    def awaited(self) -> str:
        """What has not come yet."""
        return "KSeF was not available"

    def trigger_until(self, deadline: float) -> KsefAvailabilityTrigger:
        """Make the trigger that goes on asking."""
        return KsefAvailabilityTrigger(
            WAITED_FOR,
            ksef_conn_id=self.ksef_conn_id,
            context_identifier=self.context_identifier,
            poll_interval=self.poke_interval,
            since=deadline - self.timeout,
            deadline=deadline,
            resume={"deadline": deadline},
        )

    def _is_ignored(self, environment: Environment) -> bool:
        return not self.trust_mock and environment.base_url in MOCKED

    def _tell(self, environment: Environment, told: LatarniaStatus, *, waits: bool) -> None:
        if told.is_available:
            log.info("KSeF (%s) is available.", environment.name)
            return
        for message in told.messages:
            log.warning("%s", message)
        then = "Waiting." if waits else "On this environment Latarnia is a mock, so nothing waits for it."
        log.warning("Latarnia says of KSeF (%s): %s. %s", environment.name, told.status, then)


def _plain(told: LatarniaStatus) -> dict[str, Any]:
    return {"status": told.status, "messages": [asdict(message) for message in told.messages]}
