"""What a watcher of new invoices has told Airflow."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_ksef.tables.moments import parse_ticks
from tests.emulator_process import NIP, EmulatorProcess
from tests.scheduler.whole_airflow import WholeAirflow

WATCHED = "ksef_watched"
"""The connection of the watcher in ``ksef_woken.py``."""


def receive(emulator: EmulatorProcess, count: int) -> None:
    """Let the company receive invoices now."""
    emulator.control("seed", nip=NIP, subjectType="Subject2", count=count, seed=count)


def told(airflow: WholeAirflow) -> list[dict[str, Any]]:
    """Give what each event told, the oldest first."""
    query = (
        "SELECT asset_event.extra FROM asset_event JOIN asset ON asset.id = asset_id "
        "WHERE asset.name = 'ksef_arrivals' ORDER BY asset_event.id"
    )
    return [row[0]["payload"]["subject_types"]["Subject2"] for row in airflow.rows(query)]


def numbers(events: list[dict[str, Any]]) -> list[str]:
    """Give the KSeF numbers of events."""
    return [number for event in events for number in event["ksef_numbers"]]


def end_of(event: dict[str, Any]) -> int:
    """Give the end of an event's window."""
    return parse_ticks(event["to"])


def position(airflow: WholeAirflow) -> int:
    """Give how far the watcher has kept that it has looked; 0 before its first look."""
    rows = airflow.rows("SELECT value FROM asset_state_store WHERE key LIKE 'ksef_new_invoices%%'")
    kept = json.loads(rows[0][0])["positions"].get("Subject2") if rows else None
    return parse_ticks(kept) if kept else 0


def is_all_handed_over(airflow: WholeAirflow) -> bool:
    """Whether a finished run of the DAG was begun for each event."""
    query = (
        "SELECT count(*), count(dag_run.id) FROM asset_event JOIN asset ON asset.id = asset_id "
        "LEFT JOIN dagrun_asset_event ON event_id = asset_event.id "
        "LEFT JOIN dag_run ON dag_run.id = dag_run_id AND dag_run.state = 'success' "
        "WHERE asset.name = 'ksef_arrivals'"
    )
    events, handed_over = airflow.rows(query)[0]
    return bool(events == handed_over)
