"""A try that runs, what it told so far, and when it is to be killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

from tests.crash.victim import FAILED, LEASE_SECONDS, Task, run_try

LONGEST_SECONDS = 900.0
"""A try that takes longer hangs, on the busiest machine."""
SLEEPERS = 0.15
"""The share of strikes after which a try is not dead, but wakes up late."""


@dataclass
class Fate:
    """
    When a try is struck: so long after its start, or so long after a step that it tells.

    :param delay: seconds; infinite for a try that is left alone.
    :param step: how the step begins that starts the delay; empty for the start of the try.
    :param times: at which of such steps.
    :param sleep: seconds that it is put to sleep, so that it is taken for dead; 0 for a try that is killed.
    """

    delay: float = float("inf")
    step: str = ""
    times: int = 1
    sleep: float = 0.0


@dataclass
class Attempt:
    """
    A running try.

    :param last_step: the last that it told.
    :param told: everything but steps: commits, and how it ended.
    :param strikes_at: when its fate comes, by the monotonic clock.
    :param wakes_at: when it goes on, where it was put to sleep.
    :param seconds: how long it took, once it has ended.
    """

    task: Task
    fate: Fate
    process: BaseProcess
    pipe: Connection
    started: float = field(default_factory=time.monotonic)
    last_step: str = "start"
    told: list[tuple[str, Any]] = field(default_factory=list)
    strikes_at: float = float("inf")
    wakes_at: float = float("inf")
    seconds: float = 0.0

    @classmethod
    def start(cls, processes: ForkServerContext, task: Task, fate: Fate) -> Attempt:
        pipe, its_end = processes.Pipe(duplex=False)
        process = processes.Process(target=run_try, args=(task, its_end), daemon=True)
        process.start()
        its_end.close()
        attempt = cls(task, fate, process, pipe)
        if not fate.step:
            attempt.strikes_at = attempt.started + fate.delay
        return attempt

    @property
    def next_event(self) -> float:
        return min(self.strikes_at, self.wakes_at)

    def listen(self) -> bool:
        """Take what it told; False where it has ended."""
        if self.pipe.closed:
            return False
        try:
            while self.pipe.poll():
                kind, value = self.pipe.recv()
                if kind == "step":
                    self._note_step(value)
                else:
                    self.told.append((kind, value))
        except EOFError:
            return False
        return True

    def _note_step(self, step: str) -> None:
        self.last_step = step
        if self.fate.step and step.startswith(self.fate.step):
            self.fate.times -= 1
            if self.fate.times == 0:
                self.strikes_at = time.monotonic() + self.fate.delay

    def strike_in_time(self) -> bool:
        """Kill it or put it to sleep where its time has come; True where it sleeps now."""
        now = time.monotonic()
        assert now < self.started + LONGEST_SECONDS, f"{self.task} hangs after {self.last_step}"
        if now < self.strikes_at:
            return False
        self.strikes_at = float("inf")
        if not self.fate.sleep:
            self.process.kill()
            return False
        self._signal(signal.SIGSTOP)
        self.wakes_at = now + self.fate.sleep
        return True

    def wake_in_time(self) -> None:
        """Let it go on where it has slept long enough."""
        if time.monotonic() >= self.wakes_at:
            self.wakes_at = float("inf")
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def end(self) -> str:
        """Give how it ended: ``killed``, ``failed`` or ``succeeded``."""
        self.process.join(LONGEST_SECONDS)
        self.pipe.close()
        self.seconds = time.monotonic() - self.started
        ends = {-signal.SIGKILL: "killed", FAILED: "failed", 0: "succeeded", None: None}
        how = ends.get(self.process.exitcode)
        log = self.task.file.with_suffix(".log")
        assert how, f"{self.task} ended with {self.process.exitcode}: {log.read_text()[-3000:]}"
        return how

    def last(self, kind: str) -> Any:
        """Give what it told last of this kind; None where nothing."""
        return next((value for told, value in reversed(self.told) if told == kind), None)


def random_fate(rng: random.Random, usual_seconds: float, steps: Sequence[str]) -> Fate:
    """
    Choose an instant of the whole try, or one among its steps at the tables, but a small part of it.

    :param usual_seconds: how long a try takes that is left alone.
    :param steps: how those steps begin.
    """
    sleep = rng.uniform(0.1, 2 * LEASE_SECONDS) if rng.random() < SLEEPERS else 0.0
    if rng.random() < 0.4:
        return Fate(rng.uniform(0, usual_seconds), sleep=sleep)
    step, times = rng.choice(steps), rng.choice([1, 1, 2, 3])
    return Fate(rng.choice([0, rng.uniform(0, 0.005), rng.uniform(0, 0.05)]), step, times, sleep)
