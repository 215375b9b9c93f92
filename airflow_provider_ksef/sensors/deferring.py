"""A sensor that asks once itself and leaves the other questions to the triggerer."""

from __future__ import annotations

import time
from typing import Any, NoReturn, Protocol

from airflow_provider_ksef._compat import AirflowSensorTimeout, Context, PokeReturnValue
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.triggers.events import Event, Resume
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger, refuse_blind_trigger


class DeferringSensor(Protocol):
    """What a sensor has that may be deferred; its ``execute_complete`` takes over from the trigger."""

    deferrable: bool
    timeout: float

    @property
    def awaited(self) -> str:
        """What has not come yet, as a sentence without its end."""

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask KSeF once."""

    def trigger_until(self, deadline: float) -> KsefPollingTrigger:
        """Make the trigger that goes on asking."""

    def defer(self, *, trigger: Any, method_name: str) -> NoReturn:
        """Leave the worker slot until the trigger fires."""


def poke_or_defer(sensor: DeferringSensor, context: Context, event: Event[Resume] | None = None) -> Any:
    """
    Ask once; be deferred until the deadline where what is waited for has not come.

    :param sensor: asks, and says how to wait.
    :param context: Airflow's.
    :param event: of the trigger that has just fired; it is not believed but asked for.
    :returns: the sensor's result.
    :raises AirflowSensorTimeout: where the deadline has passed.
    :raises KsefTriggererError: where the triggerer could not ask KSeF, though the worker can.
    """
    deadline = time.time() + sensor.timeout if event is None else event.resume.deadline
    trigger = sensor.trigger_until(deadline)
    with long_waits(sensor, trigger.reference_number, lambda: {"deadline": deadline}):
        poked = sensor.poke(context)
    if poked.is_done:
        return poked.xcom_value
    refuse_blind_trigger(None if event is None else event.error)
    if time.time() < deadline:
        sensor.defer(trigger=trigger, method_name="execute_complete")
    raise AirflowSensorTimeout(f"{sensor.awaited} within {sensor.timeout:.0f} s. Raise the sensor's timeout.")
