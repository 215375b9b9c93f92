"""A process that calls KSeF as often as its turns allow: ``python -m tests.limits.caller '{...}'``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from airflow_provider_ksef.client import (
    AsyncKsefClient,
    ContextIdentifier,
    KsefClient,
    Settings,
    TokenCredential,
    exports,
)
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.invoices import query_metadata
from airflow_provider_ksef.client.limiter import RateLimiter
from airflow_provider_ksef.client.redis_turn_store import RedisTurnStore
from airflow_provider_ksef.client.settings import Environment
from airflow_provider_ksef.client.sqlite_turn_store import SqliteTurnStore
from airflow_provider_ksef.exceptions import KsefApiError, KsefBudgetError
from tests.emulator_process import NIP, TOKEN

READY = "ready"
UNKNOWN_EXPORT = "20260901-EH-1A2B3C7000-0F1E2D3C4E-78"


def limiter_of(order: dict[str, Any], settings: Settings) -> RateLimiter:
    store = order["store"]
    is_redis = store.startswith("redis://")
    return RateLimiter(RedisTurnStore(store) if is_redis else SqliteTurnStore(Path(store)), settings)


def settings_of(url: str) -> Settings:
    environment = Environment("custom", url, "https://qr-test.ksef.mf.gov.pl")
    return Settings(environment, ContextIdentifier("Nip", NIP), TokenCredential(TOKEN))


def wanted(order: dict[str, Any]) -> Call[Any]:
    if order["call"] == "export":
        return exports.get_status(UNKNOWN_EXPORT)
    return query_metadata(InvoiceFilters("Subject2", "PermanentStorage", "2026-09-01T00:00:00+02:00"))


def call_until(order: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Call until the moment that the order names, or until the budget is used up for longer than a minute."""
    with KsefClient(settings, limiter=limiter_of(order, settings)) as ksef:
        ksef.log_in()
        wait_for_start(order)
        moments: list[float] = []
        budget = None
        while time.time() < order["until"]:
            try:
                ksef.run(wanted(order))
            except KsefBudgetError as error:
                budget = error.retry_after
                break
            except KsefApiError as error:
                refuse_others(error)
            moments.append(time.time())
        return {"moments": moments, "budget": budget, "waited": ksef.usage.seconds_waited}


async def call_until_async(order: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Do the same in an event loop, which must stay free."""
    async with AsyncKsefClient(settings, limiter=limiter_of(order, settings)) as ksef:
        await ksef.log_in()
        wait_for_start(order)
        moments: list[float] = []
        lags: list[float] = []
        budget = None
        beating = asyncio.create_task(beat(lags))
        while time.time() < order["until"]:
            try:
                await ksef.run(wanted(order))
            except KsefBudgetError as error:
                budget = error.retry_after
                break
            except KsefApiError as error:
                refuse_others(error)
            moments.append(time.time())
        beating.cancel()
        waited = ksef.usage.seconds_waited
        return {"moments": moments, "budget": budget, "waited": waited, "lag": max(lags, default=0.0)}


def refuse_others(error: KsefApiError) -> None:
    """Take KSeF's word that it does not know the export for an answer."""
    if error.fault.http_status != 400:
        raise error


async def beat(lags: list[float]) -> None:
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.01)
        lags.append(time.monotonic() - before - 0.01)


def wait_for_start(order: dict[str, Any]) -> None:
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    order["until"] = float(sys.stdin.readline())


def main() -> None:
    order = json.loads(sys.argv[1])
    settings = settings_of(order["url"])
    is_async = order.get("is_async", False)
    told = asyncio.run(call_until_async(order, settings)) if is_async else call_until(order, settings)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
