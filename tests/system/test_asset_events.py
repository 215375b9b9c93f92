"""What sync and backfill tell other DAGs: an event for what came, once, and none where nothing did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session

from airflow_provider_ksef.assets import INVOICES_ALIAS
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, asset_extras, run_dag
from tests.system.conftest import seed, wait_for_hwm
from tests.system.operator_context import NotedState, context

DAGS = EXAMPLES / "ksef_announcing.py"


@pytest.fixture
def tables(tmp_path: Path) -> str:
    return str(tmp_path / "tables")


def told(tables: str, subject_type: str = "Subject2") -> list[dict[str, Any]]:
    """The extras of the events of one table, the oldest first."""
    return [
        extra
        for extra in asset_extras()
        if (extra.get("tables_path"), extra.get("subject_type")) == (tables, subject_type)
    ]


def conf(tables: str, **more: Any) -> dict[str, Any]:
    return {"tables_path": tables, "sync_from": str(datetime.now(UTC).date() - timedelta(days=9)), **more}


def stored_long_ago(emulator: EmulatorProcess, count: int) -> None:
    now = datetime.now(UTC)
    seed(emulator, count, now - timedelta(days=7), now - timedelta(hours=1))


def test_each_run_tells_what_came_since_the_last_event_and_nothing_otherwise(
    connected: EmulatorProcess, tables: str
) -> None:
    stored_long_ago(connected, 12)
    first = run_dag(DAGS, "announcing", conf(tables))
    assert first.state == "success"
    run_dag(DAGS, "announcing", conf(tables))
    seed(connected, 5)
    wait_for_hwm()
    last = run_dag(DAGS, "announcing", conf(tables))
    one, other = told(tables)
    assert (one["rows"], one["window"]["from"], one["source"]) == (12, None, "sync")
    assert other["rows"] == 5
    assert other["window"] == {"from": one["watermark"], "to": other["watermark"]}
    assert other["watermark"] == last.xcom("sync")["watermark"]["Subject2"]
    assert told(tables, "Subject1") == []


def test_what_a_killed_task_put_into_the_table_is_told_by_the_next_run(
    connected: EmulatorProcess, tables: str
) -> None:
    stored_long_ago(connected, 12)
    killed = KsefSyncInvoicesOperator(
        task_id="sync", tables_path=tables, sync_from=conf(tables)["sync_from"], poll_interval=0.2
    )
    assert killed.execute(context())["rows"] == 12  # Airflow never hears of it
    run = run_dag(DAGS, "announcing_deferred", conf(tables))
    assert run.xcom("sync")["rows"] == 0
    (event,) = told(tables)
    assert event["rows"] == 12


def test_events_that_airflow_has_forgotten_are_not_told_again(
    connected: EmulatorProcess, tables: str
) -> None:
    stored_long_ago(connected, 12)
    for _ in range(2):
        run_dag(DAGS, "announcing", conf(tables))
    with create_session() as session:
        for event in session.query(AssetEvent):  # as `airflow db clean` does
            session.delete(event)
    run_dag(DAGS, "announcing", conf(tables))
    assert told(tables) == []
    seed(connected, 5)
    wait_for_hwm()
    run_dag(DAGS, "announcing_deferred", conf(tables))
    (event,) = told(tables)
    assert event["rows"] == 5
    assert event["window"]["from"] is not None


def test_an_outlet_that_names_the_asset_gets_the_event_or_none(
    connected: EmulatorProcess, tables: str
) -> None:
    stored_long_ago(connected, 12)
    for _ in range(2):
        assert run_dag(DAGS, "naming", conf(tables)).state == "success"
    (event,) = told(tables)
    assert event["rows"] == 12


def test_mapped_tasks_tell_each_of_their_own_company(connected: EmulatorProcess, tables: str) -> None:
    stored_long_ago(connected, 12)
    assert run_dag(DAGS, "announcing_mapped", conf(tables)).state == "success"
    (event,) = told(tables)
    assert event["rows"] == 12


def test_a_backfill_tells_its_interval(connected: EmulatorProcess, tables: str) -> None:
    stored_long_ago(connected, 12)
    start = datetime.now(UTC) - timedelta(days=8, minutes=-30)
    interval = {"date_from": start.isoformat(), "date_to": (start + timedelta(days=7, hours=23)).isoformat()}
    run = run_dag(DAGS, "announcing_backfill", conf(tables, **interval))
    assert run.state == "success"
    (event,) = told(tables)
    assert (event["rows"], event["source"], event["watermark"]) == (12, "backfill", None)
    assert event["window"]["from"] < event["window"]["to"]


class DyingState(NotedState):
    """A task state store whose process is killed where it would note that windows went on."""

    def set(self, key: str, value: Any) -> None:
        if key == "windows":
            raise KeyboardInterrupt
        super().set(key, value)


@pytest.mark.parametrize("date_type", ["PermanentStorage", "Issue"])
@pytest.mark.parametrize("dies_before_its_note", [True, False])
def test_what_a_killed_backfill_put_into_the_table_is_told_by_its_next_try(
    connected: EmulatorProcess, tables: str, dies_before_its_note: bool, date_type: str
) -> None:
    stored_long_ago(connected, 12)
    now = datetime.now(UTC)
    interval = {"date_from": str(now - timedelta(days=60)), "date_to": str(now - timedelta(minutes=30))}
    given = {"tables_path": tables, "poll_interval": 0.1, "date_type": date_type, **interval}
    state = NotedState()
    if dies_before_its_note:
        dying = DyingState()
        with pytest.raises(KeyboardInterrupt):
            KsefBackfillInvoicesOperator(task_id="backfill", **given).execute(context(dying))
        state.update(dying)
    else:
        KsefBackfillInvoicesOperator(task_id="backfill", **given).execute(context(state))
    announced: list[dict[str, Any]] = []
    alias = SimpleNamespace(add=lambda _, extra: announced.append(extra))
    next_try = {**context(state), "outlet_events": {INVOICES_ALIAS: alias}}
    result = KsefBackfillInvoicesOperator(task_id="backfill", **given).execute(next_try)
    assert [extra["rows"] for extra in announced] == [result["rows"]] == [12]
    assert connected.requests()["POST /invoices/exports"] == 1


def test_a_dry_run_tells_nothing(connected: EmulatorProcess, tables: str) -> None:
    assert run_dag(DAGS, "announcing_plan", conf(tables)).state == "success"
    assert told(tables) == []
