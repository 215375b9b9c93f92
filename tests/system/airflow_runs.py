"""DAG runs by ``dag.test()``, against an emulator."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.models.xcom import XComModel
from airflow.sdk.serde import deserialize
from airflow.utils.session import create_session

from tests.emulator_process import EmulatorProcess

EXAMPLES = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
OWN_DAGS = EXAMPLES / "ksef_every_way.py"


@dataclass(frozen=True)
class Run:
    """
    A finished DAG run.

    :param dag_id: its DAG.
    :param run_id: its run.
    :param state: ``success`` or ``failed``.
    """

    dag_id: str
    run_id: str
    state: str

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        with create_session() as session:
            query = XComModel.get_many(run_id=self.run_id, key=key, dag_ids=[self.dag_id], task_ids=[task_id])
            values = [deserialize(XComModel.deserialize_value(row)) for row in session.scalars(query)]
        return values[0] if values else None


def connect(monkeypatch: pytest.MonkeyPatch, emulator: EmulatorProcess, **fields: Any) -> None:
    """Let ``ksef_default`` lead to the emulator."""
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", emulator.connection(**fields))


def run_dag(file: Path, dag_id: str, conf: dict[str, Any], logical_date: datetime | None = None) -> Run:
    """Run a DAG of a file in this process, as of now or of another moment."""
    _show_only(file)
    bag = DagBag(dag_folder=str(file))
    assert not bag.import_errors
    run = bag.dags[dag_id].test(run_conf=conf, logical_date=logical_date)
    return Run(dag_id, run.run_id, str(run.state))


def _show_only(file: Path) -> None:
    """Hide the other DAGs: Airflow parses and stores all that it sees at each ``dag.test()``."""
    others = [re.escape(each.name) for each in EXAMPLES.glob("*.py") if each != file]
    (EXAMPLES / ".airflowignore").write_text("\n".join(others))


def asset_extras() -> list[dict[str, Any]]:
    """What all asset events told, the oldest first."""
    with create_session() as session:
        return [dict(event.extra) for event in session.query(AssetEvent).order_by(AssetEvent.id)]
