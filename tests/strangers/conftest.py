"""An emulator and PyPI's ksef-client, unchanged, for the tests here."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from ksef_client import KsefClient, KsefClientOptions

from tests.emulator_process import NIP, TOKEN, EmulatorProcess, start_emulator
from tests.strangers.stranger import HOST, LINK_HOST, Peer, free_port, log_in


@pytest.fixture(scope="session")
def name_resolution() -> Iterator[None]:
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host in (HOST, LINK_HOST) else host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture(scope="session")
def emulator(name_resolution: None) -> Iterator[EmulatorProcess]:
    port = free_port()
    public_url = f"http://{LINK_HOST}:{port}"
    process = start_emulator("--port", str(port), "--public-url", public_url, "--hwm-lag", "0")
    process.control(
        "seed",
        nip=NIP,
        subjectType="Subject2",
        count=60,
        seed=1,
        **{"from": "2026-03-02T00:00:00Z", "to": "2026-03-20T00:00:00Z"},
    )
    yield process
    process.stop()


@pytest.fixture(scope="session")
def client(emulator: EmulatorProcess) -> Iterator[KsefClient]:
    port = emulator.origin.rsplit(":", 1)[1]
    options = KsefClientOptions(
        base_url=f"http://{HOST}:{port}",
        strict_presigned_url_validation=False,
        allow_private_network_presigned_urls=True,
        allowed_presigned_hosts=[LINK_HOST],
    )
    with KsefClient(options) as client:
        yield client


@pytest.fixture(scope="session")
def peer(client: KsefClient, emulator: EmulatorProcess) -> Peer:
    return Peer(client, log_in(client, TOKEN), emulator)
