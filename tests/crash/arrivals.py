"""Invoices keep arriving at KSeF while the writers work and die."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from tests.emulator_process import NIP, EmulatorProcess

SUBJECT_TYPE = "Subject2"
HISTORY = timedelta(days=150)
"""Two windows of KSeF, several months of the table."""
QUIET = timedelta(hours=2)
HWM_LAG = 0.1
CAP = 10


def seed_history(
    emulator: EmulatorProcess, rng: random.Random, most_exports: int, midnight: datetime
) -> frozenset[str]:
    """
    Let the company have received invoices long before its first sync.

    :param midnight: a moment of that time; nothing is received in the hours around it.
    :returns: the KSeF numbers of those that were received before.
    """
    now = datetime.now(UTC)
    emulator.control("reset")
    number, share = rng.randint(CAP * most_exports // 3, CAP * most_exports), (midnight - now) / HISTORY + 1
    earlier = round(number * share)
    _seed(emulator, rng, earlier, now - HISTORY, midnight - QUIET)
    numbers = frozenset(emulator.ksef_numbers())
    _seed(emulator, rng, number - earlier, midnight + QUIET, now - timedelta(minutes=5))
    return numbers


@contextmanager
def arriving(emulator: EmulatorProcess, rng: random.Random, pause: float) -> Iterator[None]:
    """
    Let invoices come in, singly and in bursts, until the end of the block.

    :param pause: the usual seconds between two arrivals.
    """
    done = threading.Event()

    def arrive() -> None:
        for number in count():
            # ever more slowly, or a sync on a machine that has much else to do would never catch up
            if done.wait(rng.uniform(0, 2 * pause) * (1 + number / 10)):
                return
            _seed(emulator, rng, rng.choice([1, 1, 2, 3, CAP + 3]))

    with ThreadPoolExecutor(1) as background:
        arrivals = background.submit(arrive)
        try:
            yield
        finally:
            done.set()
        arrivals.result()


def _seed(emulator: EmulatorProcess, rng: random.Random, number: int, *period: datetime) -> None:
    times = dict(zip(("from", "to"), (moment.isoformat() for moment in period), strict=False))
    emulator.control(
        "seed", nip=NIP, subjectType=SUBJECT_TYPE, count=number, seed=rng.randrange(2**31), **times
    )
