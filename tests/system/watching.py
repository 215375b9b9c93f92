"""A triggerer in miniature: it runs a watcher, stores its events a little later, and may be killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_ksef.triggers.new_invoices import KsefNewInvoicesTrigger

STORING_SECONDS = 0.1


class NotedAssetState:
    """An asset state store: what one start noted, the next one finds."""

    def __init__(self) -> None:
        self.noted: dict[str, str] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        await asyncio.sleep(0.01)
        return json.loads(self.noted[key]) if key in self.noted else default

    async def aset(self, key: str, value: Any) -> None:
        await asyncio.sleep(0.01)
        self.noted[key] = json.dumps(value)


@dataclass
class Triggerer:
    """
    Runs one watcher at a time.

    :param state: of the asset that is watched.
    :param stored: events that Airflow has stored; what is killed before is lost.
    """

    state: NotedAssetState = field(default_factory=NotedAssetState)
    stored: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, seconds: float, **parameters: Any) -> None:
        """Run a watcher, stored and read again as Airflow does, and kill it after some seconds."""
        made = KsefNewInvoicesTrigger(**{"poll_interval": 0.1, **parameters})
        trigger = KsefNewInvoicesTrigger(**json.loads(json.dumps(made.serialize()[1])))
        trigger.asset_state_store = self.state  # type: ignore[assignment]
        fired: asyncio.Queue[TriggerEvent] = asyncio.Queue()
        tasks = [asyncio.create_task(_fire(trigger.run(), fired)), asyncio.create_task(self._store(fired))]
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _store(self, fired: asyncio.Queue[TriggerEvent]) -> None:
        while True:
            event = await fired.get()
            await asyncio.sleep(STORING_SECONDS)
            self.stored.append(json.loads(json.dumps(event.payload)))

    def numbers(self, subject_type: str = "Subject2") -> list[str]:
        """The KSeF numbers that the stored events told, as often as they did."""
        return [
            number
            for event in self.stored
            for number in event["subject_types"].get(subject_type, {}).get("ksef_numbers", ())
        ]


async def _fire(events: AsyncIterator[TriggerEvent], fired: asyncio.Queue[TriggerEvent]) -> None:
    async for event in events:
        fired.put_nowait(event)
