"""What the tests with a client that nobody here wrote share: PyPI's ksef-client, unchanged."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ksef_client import KsefClient, models
from ksef_client.services import AuthCoordinator

from airflow_provider_ksef.emulator.moments import WARSAW
from airflow_provider_ksef.emulator.samples import Sample, make_samples
from tests.emulator_process import NIP, EmulatorProcess

# this client sends nothing without login to a local address, so the emulator's links need a name
HOST, LINK_HOST = "ksef-emulator.example", "ksef-links.example"
FROM, TO = "2026-03-01T00:00:00+00:00", "2026-03-31T00:00:00+00:00"
T = TypeVar("T")


@dataclass
class Peer:
    """The stranger with its login, and the emulator that it talks to."""

    client: KsefClient
    access_token: str
    emulator: EmulatorProcess

    def certificate(self, usage: str) -> models.PublicKeyCertificate:
        return self.client.security.get_public_key_certificate(usage)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def log_in(client: KsefClient, token: str) -> str:
    certificate = client.security.get_public_key_certificate("KsefTokenEncryption")
    result = AuthCoordinator(client.auth).authenticate_with_ksef_token(
        token=token,
        public_certificate=certificate.certificate,
        public_key_id=certificate.public_key_id,
        context_identifier_type="nip",
        context_identifier_value=NIP,
        poll_interval_seconds=0.05,
        max_attempts=200,
    )
    return result.access_token


def eventually(ask: Callable[[], T], is_done: Callable[[T], bool]) -> T:
    deadline = time.monotonic() + 30
    while not is_done(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def a_right_and_a_wrong_one(seed: int) -> list[Sample]:
    return make_samples(NIP, 2, 1, seed, datetime.now(WARSAW).date())
