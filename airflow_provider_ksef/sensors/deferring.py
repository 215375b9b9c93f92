"""A sensor asks once itself and leaves the other questions to the triggerer, or pokes in place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from airflow_provider_ksef._compat import AirflowSensorTimeout, Context, PokeReturnValue, first_started
from airflow_provider_ksef.operators.long_waits import long_waits
from airflow_provider_ksef.triggers.events import Event, Resume
from airflow_provider_ksef.triggers.moment import KsefMomentTrigger
from airflow_provider_ksef.triggers.polling import KsefPollingTrigger, refuse_blind_trigger


class DeferringSensor(Protocol):
    """What a sensor has that may be deferred; its ``execute_complete`` takes over from the trigger."""

    deferrable: bool
    timeout: float
    mode: str

    @property
    def awaited(self) -> str:
        """What has not come yet, as a sentence without its end."""

    def poke(self, context: Context) -> PokeReturnValue:
        """Ask KSeF once."""

    def trigger_until(self, deadline: float) -> KsefPollingTrigger | KsefMomentTrigger:
        """Make the trigger that goes on asking, or lets the sensor ask again."""

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


def next_look(poke_interval: float, deadline: float) -> KsefMomentTrigger:
    """
    Make the trigger of a sensor whose looks are rare, or are none that a triggerer could make.

    :param poke_interval: seconds between two looks.
    :param deadline: end of the waiting in seconds since the epoch.
    """
    moment = min(time.time() + poke_interval, deadline)
    return KsefMomentTrigger("", moment=moment, resume={"deadline": deadline})


@contextmanager
def poking_in_place(sensor: DeferringSensor, context: Context) -> Iterator[None]:
    """
    Let a sensor poke as Airflow's do, and leave its slot where KSeF's rate limits leave no call for long.

    Such a wait ends the process by whose clock ``mode="poke"`` counts: what it took is taken off the timeout.

    :param sensor: pokes inside.
    :param context: Airflow's.
    """
    began = first_started(context) if sensor.mode == "poke" else None
    if began is not None:
        sensor.timeout = max(0.0, sensor.timeout - (time.time() - began))
    with long_waits(sensor, "", dict):
        yield
