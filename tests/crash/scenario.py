"""A sync and a backfill on the same tables, killed at random and begun anew, while invoices arrive."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from airflow_provider_ksef.tables.moments import POLAND
from tests.crash.arrivals import HISTORY, HWM_LAG, arriving, seed_history
from tests.crash.attempt import Attempt, Fate, random_fate
from tests.crash.ledger import Ledger
from tests.crash.places import Place
from tests.crash.steps import steps_of
from tests.crash.victim import Task
from tests.emulator_process import EmulatorProcess

MOST_FAILURES = 30
"""Tries in a row of one task that may fail by themselves, each for one of the package's own errors."""
HOUSEKEEPERS = ("compact", "delete")
COMMITS_BETWEEN = 4
"""Windows that are committed before a housekeeper begins anew, so that it has something to do."""


@dataclass
class Writer:
    """
    A task that runs again and again until it was struck as often as it shall be, and has succeeded then.

    :param strikes: how often it is still to be killed, or put to sleep.
    :param parameters: makes those of a run.
    :param task: the run that goes on.
    :param runs: how many it has begun.
    :param committed: how many windows were committed when the last one began.
    :param failures: tries in a row that failed.
    """

    kind: str
    strikes: int
    parameters: Callable[[], dict[str, Any]]
    task: Task | None = None
    runs: int = 0
    committed: int = 0
    failures: int = 0
    attempt: Attempt | None = None
    longest_seconds: float = 0.5

    @property
    def keeps_house(self) -> bool:
        return self.kind in HOUSEKEEPERS


@dataclass
class Scenario:
    """
    One run of the crash tests.

    :param sabotage: how the writers break the commit; see :mod:`tests.crash.sabotage`.
    :param struck: how many strikes hit which step.
    :param tries: how the tries of each kind ended.
    :param met: what they told that is worth counting.
    :param sleepers: tries that were taken for dead, while the next try of their task is at work.
    """

    emulator: EmulatorProcess
    processes: ForkServerContext
    place: Place
    folder: Path
    seed: int
    sabotage: str = ""
    struck: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    writers: list[Writer] = field(default_factory=list)
    sleepers: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.place.kind} {self.seed}")
        self.with_documents = self.seed % 4 == 1
        self.housekeepers = [
            kind for kind, every in zip(HOUSEKEEPERS, (3, 5), strict=True) if self.seed % every == 0
        ]
        is_plain = self.place.is_plain_while_rewritten or not self.housekeepers
        read = self.place.read_plainly if is_plain else self.place.rows
        self.ledger = Ledger(self.place, read, self.with_documents)
        self.environment = {"AIRFLOW_CONN_KSEF_DEFAULT": self.emulator.connection(), **self.place.environment}
        self.began = datetime.now(UTC)
        self.retention_day = (self.began - HISTORY * self.rng.uniform(0.2, 0.8)).date()

    def play(self) -> None:
        """Strike and begin anew until each writer has succeeded unharmed; then sync once more."""
        midnight = datetime.combine(self.retention_day, clock_time(), POLAND)
        old = seed_history(self.emulator, self.rng, self.place.history, midnight)
        self.ledger.old = old if "delete" in self.housekeepers else frozenset()
        sync = Writer("sync", self.rng.randint(3, 6), self._sync)
        others = [Writer("backfill", self.rng.randint(1, 3), self._backfill)]
        keeping = {"compact": dict, "delete": lambda: {"before": self.retention_day.isoformat()}}
        others += [Writer(kind, self.rng.randint(2, 4), keeping[kind]) for kind in self.housekeepers]
        arrivals = random.Random(self.rng.random())
        try:
            with arriving(self.emulator, arrivals, self.place.usual_pause):
                self._run([sync, *others])
            time.sleep(HWM_LAG + 0.1)
            self._run([sync])
        finally:
            for attempt in self.running:
                attempt.process.kill()
        self.ledger.check_end(self.emulator.ksef_numbers())

    @property
    def running(self) -> list[Attempt]:
        """Tries that have not ended."""
        return [*self.sleepers, *(writer.attempt for writer in self.writers if writer.attempt is not None)]

    def _run(self, writers: list[Writer]) -> None:
        self.writers = writers
        while self.writers or self.sleepers:
            for writer in self.writers:
                if writer.attempt is None and self._is_due(writer):
                    self._start(writer)
            due = min(attempt.next_event for attempt in self.running)
            wait([attempt.pipe for attempt in self.running], max(0.0, min(due - time.monotonic(), 1.0)))
            for sleeper in list(self.sleepers):
                self._look_at_sleeper(sleeper)
            self.writers = [
                writer
                for writer in self.writers
                if writer.attempt is None or not self._is_done(writer, writer.attempt)
            ]

    def _is_due(self, writer: Writer) -> bool:
        """Tell whether to begin a try: a housekeeper only where there is something new in the tables."""
        if writer.task is not None or not writer.keeps_house or self._others_are_done():
            return True
        return len(self.ledger.committed) >= writer.committed + COMMITS_BETWEEN

    def _others_are_done(self) -> bool:
        return all(writer.keeps_house for writer in self.writers)

    def _start(self, writer: Writer) -> None:
        if writer.task is None:
            run_id, parameters = f"{writer.kind}-{writer.runs}", writer.parameters()
            parameters["tables_path"] = self.place.tables_path
            writer.task = Task(writer.kind, run_id, self.folder, self.environment, parameters, self.sabotage)
            writer.runs += 1
            writer.committed = len(self.ledger.committed)
        steps = steps_of(writer.kind, self.place.kind, self.place.table_format)
        fate = random_fate(self.rng, writer.longest_seconds, steps) if writer.strikes else Fate()
        writer.attempt = Attempt.start(self.processes, writer.task, fate)

    def _is_done(self, writer: Writer, attempt: Attempt) -> bool:
        """Look at a writer's try, and tell whether the writer has done its part."""
        if attempt.listen():
            if attempt.strike_in_time():
                self._note_strike(writer, attempt, "asleep")
                self.sleepers.append(attempt)
            return False
        writer.attempt = None
        how = self._ended(attempt)
        self.tries[f"{writer.kind} {how}"] += 1
        writer.failures = writer.failures + 1 if how == "failed" else 0
        assert writer.failures <= MOST_FAILURES, f"{attempt.task} fails: {attempt.last('failed')}"
        if how == "killed":
            self._note_strike(writer, attempt, how)
        if how != "succeeded":
            return False
        writer.task = None
        writer.longest_seconds = max(writer.longest_seconds, attempt.seconds)
        return not writer.strikes or (writer.keeps_house and self._others_are_done())

    def _note_strike(self, writer: Writer, attempt: Attempt, how: str) -> None:
        self.struck[f"{how}: {writer.kind}: {attempt.last_step}"] += 1
        writer.strikes -= 1
        writer.attempt = None

    def _look_at_sleeper(self, sleeper: Attempt) -> None:
        """Let a try that was taken for dead wake up; how it ends is all the same, what it writes is not."""
        if sleeper.listen():
            sleeper.wake_in_time()
        else:
            self.sleepers.remove(sleeper)
            self.tries[f"{sleeper.task.kind} woke up and {self._ended(sleeper)}"] += 1

    def _ended(self, attempt: Attempt) -> str:
        """Give how a try ended, and look at the tables."""
        how = attempt.end()
        self.met.update(value for kind, value in attempt.told if kind == "met")
        self.ledger.look(attempt, self.running)
        return how

    def _exporting(self) -> dict[str, Any]:
        return {
            "table_format": self.place.table_format,
            "include_documents": self.with_documents,
            "poll_interval": 0.05,
        }

    def _sync(self) -> dict[str, Any]:
        return {"sync_from": (self.began - HISTORY - timedelta(days=2)).isoformat(), **self._exporting()}

    def _backfill(self) -> dict[str, Any]:
        """Fill a span that ends now or earlier, so that it meets the sync."""
        start, end = sorted(self.rng.uniform(0, 1) for _ in range(2))
        end = self.rng.choice([end, 1.0])
        first, last = ((self.began - HISTORY * (1 - share)).isoformat() for share in (start, end))
        return {"date_from": first, "date_to": last, **self._exporting()}
