"""Eight tasks of one company, of which every other one is deferrable, and few calls for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.emulator.peer import Peer
from tests.emulator.raised_limits import ten_times
from tests.emulator_process import NIP, EmulatorProcess
from tests.scheduler.watched import WatchedEmulator, token_of
from tests.scheduler.whole_airflow import DagRun, WholeAirflow
from tests.system.conftest import seed

TASKS = 8
EXPORTS_EACH = 2
EXPORTS_PER_MINUTE = 10


@dataclass(frozen=True)
class LimitedSync:
    """
    A run.

    :param emulator: the KSeF that limits it.
    :param tables: where each of its tasks puts its rows.
    """

    run: DagRun
    emulator: WatchedEmulator
    tables: list[str]


def begin_limited(airflow: WholeAirflow, emulator: WatchedEmulator, folder: Path) -> LimitedSync:
    """Start a run of ``limited_sync``: its tasks need more exports than a minute has."""
    _allow_exports(emulator.process)
    now = datetime.now(UTC)
    seed(emulator.process, 150, now - timedelta(days=5), now - timedelta(hours=1))
    tables = [str(folder / f"tables-{number}") for number in range(TASKS)]
    sync_from = str((now - timedelta(days=7)).date())
    run = airflow.trigger("limited_sync", conn=emulator.conn_id, sync_from=sync_from, tables=tables)
    return LimitedSync(run, emulator, tables)


def _allow_exports(emulator: EmulatorProcess) -> None:
    """Let KSeF take as many calls as it ever does, but so few exports."""
    peer = Peer(emulator)
    peer.log_in(token_of(NIP))
    body = ten_times(invoiceExport=(8, EXPORTS_PER_MINUTE, 100))
    peer.http.post("/testdata/rate-limits", json=body).raise_for_status()
