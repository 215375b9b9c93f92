"""Killing a task's tries, each a random while after it has come to a random step."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.emulator_process import EmulatorProcess
from tests.scheduler.begun import Begun
from tests.scheduler.whole_airflow import WholeAirflow

SETTLED_SECONDS = 0.4
"""After this a killed task's last messages have arrived, and its next try has not yet begun."""
DELAY_SECONDS = 0.4
"""How long KSeF takes for the request at which a try is struck: before, while or after it does its work."""
LOOK_SECONDS = 0.1
"""Between two looks whether the request has come: well within that time."""

Step = tuple[str, str]
EXPORT: Step = ("POST", "^/v2/invoices/exports$")


@dataclass
class Striker:
    """
    Kills the tries of one task.

    :param begun: its run; the task notes its processes.
    :param plan: requests to KSeF, by method and path: each next try is killed at the next one.
    :param rng: decides when.
    :param struck: at which of them tries were killed; one that does not come to its own is left alone.
    :param lost: exports that were begun, but not noted before their try was killed at that.
    """

    airflow: WholeAirflow
    begun: Begun
    plan: Sequence[Step]
    rng: random.Random
    struck: list[Step] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._strike_all, daemon=True)

    def start(self) -> None:
        """Begin to strike."""
        self._thread.start()

    def end(self) -> None:
        """Strike no more, the run is over."""
        self._is_over.set()
        self._thread.join()

    def _strike_all(self) -> None:
        number, pid = 0, 0
        for step in self.plan:
            order_delay(self.begun.emulator.process, step)
            number, pid = self._next_process(number)
            if pid and self._comes_to_it(pid):
                # The first one always hits: a task may be deferred once its request is answered.
                time.sleep(self.rng.uniform(0, DELAY_SECONDS * (2 if self.struck else 0.5)))
                self._strike(step, pid)

    def _strike(self, step: Step, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.struck.append(step)
            time.sleep(SETTLED_SECONDS)
            if step == EXPORT:
                self._look_for_lost()

    def _next_process(self, last_try: int) -> tuple[int, int]:
        """Wait for a later try; 0 as its process where the run is over."""
        while not self._is_over.is_set():
            number, pid = self.airflow.noted_process(self.begun.run, self.begun.task_id)
            if number > last_try:
                return number, pid
            time.sleep(0.02)
        return last_try, 0

    def _comes_to_it(self, pid: int) -> bool:
        while Path(f"/proc/{pid}").exists():
            if not self.begun.emulator.process.faults():
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def _look_for_lost(self) -> None:
        exports = self.begun.emulator.exports()
        noted = self.airflow.task_state(self.begun.run)
        if exports and exports[-1] not in noted:
            self.lost.add(exports[-1])


def order_delay(emulator: EmulatorProcess, step: Step) -> None:
    """Let the next request of a step take a while, and no other."""
    emulator.forget_faults()
    method, path = step
    emulator.control("faults", method=method, path=path, delay=DELAY_SECONDS)
