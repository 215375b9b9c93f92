"""A try that runs, what it told so far, and when it is to be killed."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

from tests.crash.victim import FAILED, Task, run_try

LONGEST_SECONDS = 60.0


@dataclass
class Fate:
    """
    When a try is killed: so long after its start, or so long after a step that it tells.

    :param delay: seconds; infinite for a try that is let live.
    :param step: how the step begins that starts the delay; empty for the start of the try.
    :param times: at which of such steps.
    """

    delay: float = float("inf")
    step: str = ""
    times: int = 1


@dataclass
class Attempt:
    """
    A running try.

    :param last_step: the last that it told.
    :param told: everything but steps: commits, and how it ended.
    :param dies_at: when it is to be killed, by the monotonic clock.
    :param seconds: how long it took, once it has ended.
    """

    task: Task
    fate: Fate
    process: BaseProcess
    pipe: Connection
    started: float = field(default_factory=time.monotonic)
    last_step: str = "start"
    told: list[tuple[str, Any]] = field(default_factory=list)
    dies_at: float = float("inf")
    seconds: float = 0.0

    @classmethod
    def start(cls, processes: ForkServerContext, task: Task, fate: Fate) -> Attempt:
        pipe, its_end = processes.Pipe(duplex=False)
        process = processes.Process(target=run_try, args=(task, its_end), daemon=True)
        process.start()
        its_end.close()
        attempt = cls(task, fate, process, pipe)
        if not fate.step:
            attempt.dies_at = attempt.started + fate.delay
        return attempt

    def listen(self) -> bool:
        """Take what it told; False where it has ended."""
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
                self.dies_at = time.monotonic() + self.fate.delay

    def kill_in_time(self) -> None:
        """Kill it where its time has come."""
        now = time.monotonic()
        assert now < self.started + LONGEST_SECONDS, f"{self.task} hangs after {self.last_step}"
        if now >= self.dies_at:
            self.process.kill()
            self.dies_at = float("inf")

    def end(self) -> str:
        """Give how it ended: ``killed``, ``failed`` or ``succeeded``."""
        self.process.join(10)
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


STEPS = (
    "environment",
    "lease: created",
    "lease: taken",
    "lease: forbade",
    "read back",
    "publish: announced",
    "publish: prepared",
    "publish: read the watermark",
    "publish: checked the lease",
    "publish: published",
    "publish: moved the watermark",
    "lease: given back",
)


def random_fate(rng: random.Random, usual_seconds: float) -> Fate:
    """Choose an instant of the whole try, or one within a commit, which is but a small part of it."""
    if rng.random() < 0.4:
        return Fate(rng.uniform(0, usual_seconds))
    return Fate(rng.choice([0, rng.uniform(0, 0.005)]), rng.choice(STEPS), rng.choice([1, 1, 2, 3]))
