"""A sync and a backfill on the same tables, killed at random and begun anew, while invoices arrive."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from tests.crash.arrivals import HISTORY, HWM_LAG, arriving, seed_history
from tests.crash.attempt import Attempt, Fate, random_fate
from tests.crash.ledger import Ledger
from tests.crash.places import Place
from tests.crash.victim import Task
from tests.emulator_process import EmulatorProcess

MOST_FAILURES = 8
"""Tries in a row of one task that may fail by themselves, each for one of the package's own errors."""


@dataclass
class Writer:
    """
    A task that runs again and again until it was killed as often as it shall be, and has succeeded then.

    :param kills: how often it is still to be killed.
    :param parameters: makes those of a run.
    :param task: the run that goes on.
    :param runs: how many it has begun.
    :param failures: tries in a row that failed.
    """

    kind: str
    kills: int
    parameters: Callable[[], dict[str, Any]]
    task: Task | None = None
    runs: int = 0
    failures: int = 0
    attempt: Attempt | None = None
    longest_seconds: float = 0.5


@dataclass
class Scenario:
    """
    One run of the crash tests.

    :param killed: how many kills hit which step.
    :param tries: how the tries of each kind ended.
    """

    emulator: EmulatorProcess
    processes: ForkServerContext
    place: Place
    folder: Path
    seed: int
    killed: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.place.kind} {self.seed}")
        self.ledger = Ledger(self.place)
        self.environment = {"AIRFLOW_CONN_KSEF_DEFAULT": self.emulator.connection(), **self.place.environment}
        self.began = datetime.now(UTC)

    def play(self) -> None:
        """Kill and begin anew until each writer has succeeded after its last kill; then let one sync run."""
        seed_history(self.emulator, self.rng)
        sync = Writer("sync", self.rng.randint(3, 6), self._sync)
        backfill = Writer("backfill", self.rng.randint(1, 3), self._backfill)
        arrivals = random.Random(self.rng.random())
        with arriving(self.emulator, arrivals, self.place.usual_pause):
            self._run([sync, backfill])
        time.sleep(HWM_LAG + 0.1)
        self._run([sync])
        self.ledger.check_end(self.emulator.ksef_numbers())

    def _run(self, writers: list[Writer]) -> None:
        working = list(writers)
        while working:
            for writer in working:
                if writer.attempt is None:
                    self._start(writer)
            attempts = {writer.attempt.pipe: writer for writer in working if writer.attempt is not None}
            due = min(writer.attempt.dies_at for writer in attempts.values() if writer.attempt)
            wait(list(attempts), max(0.0, min(due - time.monotonic(), 1.0)))
            for writer in attempts.values():
                assert writer.attempt is not None
                if writer.attempt.listen():
                    writer.attempt.kill_in_time()
                    continue
                if self._ended(writer, writer.attempt):
                    working.remove(writer)
                writer.attempt = None

    def _start(self, writer: Writer) -> None:
        if writer.task is None:
            run_id, parameters = f"{writer.kind}-{writer.runs}", writer.parameters()
            parameters = {"tables_path": self.place.tables_path, **parameters}
            writer.task = Task(writer.kind, run_id, self.folder, self.environment, parameters)
            writer.runs += 1
        fate = random_fate(self.rng, writer.longest_seconds) if writer.kills else Fate()
        writer.attempt = Attempt.start(self.processes, writer.task, fate)

    def _ended(self, writer: Writer, attempt: Attempt) -> bool:
        """Note how a try ended, look at the tables, and tell whether the writer has done its part."""
        how = attempt.end()
        self.tries[f"{writer.kind} {how}"] += 1
        writer.failures = writer.failures + 1 if how == "failed" else 0
        assert writer.failures <= MOST_FAILURES, f"{attempt.task} fails: {attempt.last('failed')}"
        if writer.kind == "sync":
            self.ledger.check_sync(attempt)
        if how == "killed":
            self.killed[f"{writer.kind}: {attempt.last_step}"] += 1
            writer.kills -= 1
        if how != "succeeded":
            return False
        writer.task = None
        writer.longest_seconds = max(writer.longest_seconds, attempt.seconds)
        return not writer.kills

    def _sync(self) -> dict[str, Any]:
        return {"sync_from": (self.began - HISTORY - timedelta(days=2)).isoformat()}

    def _backfill(self) -> dict[str, Any]:
        """Fill a span that ends now or earlier, so that it meets the sync."""
        start, end = sorted(self.rng.uniform(0, 1) for _ in range(2))
        end = self.rng.choice([end, 1.0])
        date_from, date_to = (self.began - HISTORY * (1 - share) for share in (start, end))
        return {"date_from": date_from.isoformat(), "date_to": date_to.isoformat()}
