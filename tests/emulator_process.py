"""A real emulator in a process of its own, over a real socket: what the tests talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import httpx

from tests.contract.violations import FOLDER
from tests.official import CHECKOUT, CONTRACT

NIP = "5250001210"
TOKEN = "20260901-EC-1A2B3CC000-0F1E2D3C53-D1|nip-5250001210|" + "0123456789abcdef" * 4
READY = "KSeF emulator ready at "
# One for all: each new one reads the certificates of all the world's authorities. Nothing is kept open,
# so that an emulator may go at any time.
_HTTP = httpx.Client(timeout=120, verify=False, limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class EmulatorProcess:
    """
    A running emulator.

    :param url: the API's base URL, ending in ``/v2``.
    """

    process: subprocess.Popen[str]
    url: str

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v2")

    def connection(self, **fields: Any) -> str:
        """An Airflow connection that leads here, as its environment variable holds it."""
        return json.dumps({"conn_type": "ksef", "login": NIP, "password": TOKEN, "host": self.url, **fields})

    def control(self, name: str, **body: Any) -> Any:
        """POST one of the emulator's own controls and give its answer."""
        answer = _HTTP.post(f"{self.origin}/_emulator/{name}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ksef_numbers(self, nip: str = NIP, subject_type: str = "Subject2") -> list[str]:
        """The truth that a table is held against."""
        query = {"nip": nip, "subjectType": subject_type}
        answer = _HTTP.get(f"{self.origin}/_emulator/invoices", params=query)
        answer.raise_for_status()
        numbers: list[str] = answer.json()["ksefNumbers"]
        return numbers

    def requests(self) -> dict[str, int]:
        """How often each endpoint was called since the last reset."""
        answer = _HTTP.get(f"{self.origin}/_emulator/stats")
        answer.raise_for_status()
        counts: dict[str, int] = answer.json()["requests"]
        return counts

    def faults(self) -> list[dict[str, Any]]:
        """What was ordered to go wrong and has not yet."""
        answer = _HTTP.get(f"{self.origin}/_emulator/faults")
        answer.raise_for_status()
        ordered: list[dict[str, Any]] = answer.json()["faults"]
        return ordered

    def forget_faults(self) -> None:
        """Let nothing go wrong any more."""
        _HTTP.delete(f"{self.origin}/_emulator/faults").raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_emulator(*arguments: str, nip: str = NIP, token: str = TOKEN) -> EmulatorProcess:
    """
    Start ``python -m airflow_provider_ksef.emulator`` on a free port and wait until it is ready.

    Where the official contract is at hand, each request and answer is held against it on the way.
    """
    is_checked = CONTRACT.is_file() and FOLDER in os.environ
    module = "tests.contract.checked_emulator" if is_checked else "airflow_provider_ksef.emulator"
    command = [sys.executable, "-m", module, "--port", "0", "--nip", nip, "--token", token, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return EmulatorProcess(process, line.removeprefix(READY).strip())
    raise AssertionError(f"the emulator ended with {process.wait()} before it was ready")
