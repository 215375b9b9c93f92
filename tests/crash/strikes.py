"""Strikes at the tries of one task, which is begun anew until as many have hit as shall."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext

from tests.crash.attempt import Attempt, Fate
from tests.crash.victim import Task


@dataclass
class Strikes:
    """
    Strikes that kill, at chosen instants of the tries.

    :param left: how many are still to hit.
    :param struck: how many strikes hit which step.
    :param tries: how the tries ended.
    """

    rng: random.Random
    left: int
    struck: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)

    def fate(
        self, usual_seconds: float, steps: Sequence[str], times: Sequence[int], *, after: str = ""
    ) -> Fate:
        """
        Choose an instant of the next try, or one soon after a step of it; none where no strike is left.

        :param usual_seconds: how long it takes that is left alone.
        :param steps: how the steps begin.
        :param times: at which of such steps.
        :param after: how the step begins that an instant of the whole is counted from; empty for the start.
        """
        if not self.left:
            return Fate()
        if self.rng.random() < 0.3:
            return Fate(self.rng.uniform(0, usual_seconds), after)
        delay = self.rng.choice([0, self.rng.uniform(0, 0.005), self.rng.uniform(0, 0.05)])
        return Fate(delay, self.rng.choice(steps), self.rng.choice(times))

    def let(self, processes: ForkServerContext, task: Task, fate: Fate) -> tuple[str, Attempt]:
        """Let the task try, struck as its fate says; give how the try ended, and what it told."""
        attempt = Attempt.start(processes, task, fate)
        try:
            while attempt.listen():
                wait([attempt.pipe], max(0.0, min(attempt.next_event - time.monotonic(), 1.0)))
                attempt.strike_in_time()
            how = attempt.end()
        finally:
            attempt.process.kill()
        self.tries[how] += 1
        if how == "killed":
            self.left -= 1
            self.struck[f"killed: {attempt.last_step}"] += 1
        return how, attempt
