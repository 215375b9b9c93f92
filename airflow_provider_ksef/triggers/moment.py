"""Waiting for a moment in the triggerer, without a call to KSeF."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow_provider_ksef._compat import BaseTrigger, TriggerEvent
from airflow_provider_ksef.triggers import polling


class KsefMomentTrigger(BaseTrigger):
    """
    Fire at a moment. The event has the shape of the other triggers', without a code.

    :param reference_number: of what the task waits for in KSeF; empty where that has not begun.
    :param moment: in seconds since the epoch, so that a restart does not prolong it.
    :param resume: what the task needs to go on; small and no secret.
    """

    def __init__(self, reference_number: str, *, moment: float, resume: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.reference_number = reference_number
        self.moment = moment
        self.resume = resume

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what Airflow stores of this trigger."""
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        kept = {"reference_number": self.reference_number, "moment": self.moment, "resume": self.resume}
        return name, kept

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment."""
        await asyncio.sleep(max(polling.SETTLING_SECONDS, self.moment - time.time()))
        event = {
            "reference_number": self.reference_number,
            "code": None,
            "error": None,
            "resume": self.resume,
        }
        yield TriggerEvent(event)
