"""A DAG that KSeF's new invoices run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_provider_ksef.triggers.new_invoices import KsefNewInvoicesTrigger

WATCHING = KsefNewInvoicesTrigger("ksef_watched", since="2026-02-01T00:00:00+01:00", poll_interval=2)
ARRIVALS = Asset("ksef_arrivals", watchers=[AssetWatcher(name="ksef", trigger=WATCHING)])

with DAG("woken", schedule=[ARRIVALS], start_date=datetime(2026, 2, 1, tzinfo=UTC)):

    @task
    def look(triggering_asset_events: dict[Any, Any] | None = None) -> int:
        """Count the events that the run was begun for."""
        return sum(len(events) for events in (triggering_asset_events or {}).values())

    look()
