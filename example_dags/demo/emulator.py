"""The demo's KSeF: an emulator in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

READY = "KSeF emulator ready at "


@dataclass(frozen=True)
class Emulator:
    """
    A running emulator.

    :param url: base URL of its API, ending in ``/v2``.
    """

    url: str

    @property
    def _controls(self) -> str:
        return f"{self.url.removesuffix('/v2')}/_emulator"

    def seed(self, nip: str, count: int, **period: Any) -> None:
        """Let ``count`` invoices be received by ``nip``."""
        body = {"nip": nip, "subjectType": "Subject2", "count": count, **period}
        httpx.post(f"{self._controls}/seed", json=body, timeout=600).raise_for_status()

    def received(self, nip: str) -> list[str]:
        """Give the KSeF numbers of all invoices that ``nip`` has received: the truth."""
        query = {"nip": nip, "subjectType": "Subject2"}
        answer = httpx.get(f"{self._controls}/invoices", params=query, timeout=60).raise_for_status()
        numbers: list[str] = answer.json()["ksefNumbers"]
        return numbers


@contextmanager
def running_emulator(nip: str, token: str, hwm_lag: float) -> Iterator[Emulator]:
    """Start an emulator on a free port and stop it at the end, whatever happens."""
    command = [sys.executable, "-m", "airflow_provider_ksef.emulator", "--port", "0", "--delay", "1"]
    command += ["--nip", nip, "--token", token, "--hwm-lag", str(hwm_lag)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            ready = next((line for line in process.stdout or () if line.startswith(READY)), None)
            if ready is None:
                raise RuntimeError(f"the emulator ended with exit code {process.wait()} before it was ready")
            yield Emulator(ready.removeprefix(READY).strip())
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
