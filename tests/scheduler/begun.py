"""Runs whose task sends or receives invoices, and what they must have come to in the end."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_provider_ksef.tables import read
from tests.scheduler.watched import WatchedEmulator
from tests.scheduler.whole_airflow import DagRun, WholeAirflow
from tests.system.conftest import sample_invoices, seed

SENT = 12
RECEIVED = 330


@dataclass(frozen=True)
class Begun:
    """
    A run.

    :param task_id: its task, ``submit`` or ``sync``.
    :param emulator: the KSeF that it talks to, alone.
    :param folder: of the invoices that are sent, or of the tables.
    """

    run: DagRun
    task_id: str
    emulator: WatchedEmulator
    folder: Path


def begin(airflow: WholeAirflow, dag_id: str, emulator: WatchedEmulator, folder: Path) -> Begun:
    """
    Start a run of a DAG whose only task is ``submit`` or ``sync``.

    :param folder: a new one, for its files.
    """
    if "submit" in dag_id:
        outgoing = sample_invoices(folder, count=SENT)
        run = airflow.trigger(dag_id, conn=emulator.conn_id, invoices=str(outgoing))
        return Begun(run, "submit", emulator, outgoing)
    now = datetime.now(UTC)
    seed(emulator.process, RECEIVED, now - timedelta(days=5), now - timedelta(hours=1))
    sync_from = str((now - timedelta(days=7)).date())
    run = airflow.trigger(dag_id, conn=emulator.conn_id, tables_path=str(folder), sync_from=sync_from)
    return Begun(run, "sync", emulator, folder)


def check(airflow: WholeAirflow, begun: Begun, lost: Set[str] = frozenset()) -> None:
    """
    Hold what came of a run against what the emulator has.

    :param lost: exports that nobody could have noted.
    """
    if begun.task_id == "submit":
        _check_sent(airflow, begun)
    else:
        _check_synchronised(begun, lost)


def _check_sent(airflow: WholeAirflow, begun: Begun) -> None:
    files = list(begun.folder.iterdir())
    emulator, result = begun.emulator, airflow.result(begun.run, begun.task_id)
    assert len(emulator.process.ksef_numbers(subject_type="Subject1")) == len(files)
    arrivals = emulator.arrivals()
    assert len(arrivals) == len(files)
    assert set(arrivals.values()) == {1}, f"sent twice: {arrivals}"
    closed = [reference for reference, is_closed in emulator.sessions() if is_closed]
    assert closed == [result["session_reference_number"]]
    assert (result["accepted"], result["rejected"]) == (len(files), 0)


def _check_synchronised(begun: Begun, lost: Set[str]) -> None:
    table = read("invoices", begun.folder)
    assert sorted(table.column("ksef_number").to_pylist()) == sorted(begun.emulator.process.ksef_numbers())
    committed = set(table.column("export_reference").to_pylist())
    assert set(begun.emulator.exports()) == committed | lost
