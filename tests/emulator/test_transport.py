"""HTTP as clients of other languages speak it."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

from tests.emulator.peer import Peer
from tests.emulator_process import NIP, EmulatorProcess

CONSENT = json.dumps({"nip": NIP}).encode()
SESSION = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


def test_who_offers_http_2_is_answered_by_http_1_body_and_all(prompt: EmulatorProcess) -> None:
    """So Java's own client begins every connection without TLS, and sends head and body apart."""
    place = urlsplit(prompt.url)
    head = (
        f"POST /v2/testdata/attachment HTTP/1.1\r\nHost: {place.netloc}\r\n{UPGRADE}"
        f"Content-Type: application/json\r\nContent-Length: {len(CONSENT)}\r\n\r\n"
    )
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            connection.sendall(head.encode())
            connection.sendall(CONSENT)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.read()) == (200, b"")


def test_a_path_may_end_in_a_slash(stranger: Peer) -> None:
    """KSeF's guide writes the one for sending an invoice so."""
    assert stranger.http.post(f"/sessions/online/{SESSION}/invoices/", json={}).status_code == 401
    assert stranger.http.post("/nothing/", json={}).status_code == 404
