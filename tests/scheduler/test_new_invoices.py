"""New invoices run a DAG; none is lost over kills of the triggerer, nor told twice without saying so."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_ksef.tables.moments import parse_ticks
from tests.emulator_process import NIP
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import WholeAirflow, wait_until

pytestmark = pytest.mark.system

WAIT_SECONDS = 90


def test_no_new_invoice_is_lost_over_restarts_of_the_triggerer(
    airflow: WholeAirflow, watched: Callable[..., WatchedEmulator]
) -> None:
    emulator = watched("--hwm-lag", "0.2").process
    airflow.connect(ksef_watched=emulator.connection())

    receive(emulator, 5)
    wait_until("the first event", WAIT_SECONDS, lambda: len(told(airflow)) == 1)
    wait_until("its end is kept", WAIT_SECONDS, lambda: position(airflow) >= end_of(told(airflow)[0]))
    airflow.kill("triggerer")
    receive(emulator, 7)
    airflow.start("triggerer")
    wait_until("the second event", WAIT_SECONDS, lambda: len(told(airflow)) == 2)
    first, second = told(airflow)
    assert (first["invoices"], second["invoices"]) == (5, 7)
    assert parse_ticks(second["from"]) >= end_of(first)

    airflow.kill("triggerer")
    receive(emulator, 3)
    airflow.start("triggerer")
    truth = sorted(emulator.ksef_numbers())
    wait_until("the last event", WAIT_SECONDS, lambda: sorted(numbers(told(airflow))) == truth)
    wait_until("the DAG has run for each", WAIT_SECONDS, lambda: is_all_handed_over(airflow))


def receive(emulator: Any, count: int) -> None:
    """Let the company receive invoices now."""
    emulator.control("seed", nip=NIP, subjectType="Subject2", count=count, seed=count)


def told(airflow: WholeAirflow) -> list[dict[str, Any]]:
    """Give what each window's event told, the oldest first; one that came twice is one."""
    query = (
        "SELECT asset_event.extra FROM asset_event JOIN asset ON asset.id = asset_id "
        "WHERE asset.name = 'ksef_arrivals' ORDER BY asset_event.id"
    )
    events = [row[0]["payload"]["subject_types"]["Subject2"] for row in airflow.rows(query)]
    return list({event["from"]: event for event in events}.values())


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
