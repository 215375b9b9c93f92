"""Many callers at a time, and what they tell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.limits.caller import READY
from tests.official import CHECKOUT


@dataclass
class Callers:
    """
    Processes that call KSeF in the name of one company.

    :param processes: logged in, and waiting for the start.
    """

    processes: list[subprocess.Popen[str]]

    @classmethod
    def start(cls, orders: list[dict[str, Any]]) -> Callers:
        callers = cls([_process(order) for order in orders])
        for process in callers.processes:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY, process.poll()
        return callers

    def go(self, seconds: float) -> None:
        """Let them call for a while."""
        until = time.time() + seconds
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(f"{until}\n")
            process.stdin.flush()

    def told(self) -> list[dict[str, Any]]:
        """Wait for their end and give what each tells; nothing of those that were killed."""
        outputs = [process.communicate(timeout=120)[0] for process in self.processes]
        return [json.loads(output) for output in outputs if output.strip()]

    def kill(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def _process(order: dict[str, Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.limits.caller", json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    )
