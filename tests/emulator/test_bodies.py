"""Bodies that are not what they say they are."""

from __future__ import annotations

import socket
import time

import pytest

from tests.emulator.peer import Peer, error_code
from tests.emulator_process import EmulatorProcess

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b"\x80", b"{", b"[]", b'"text"', b""])
def test_what_is_no_json_object_is_told_as_every_wrong_value(peer: Peer, body: bytes) -> None:
    answer = peer.http.post("/invoices/query/metadata", content=body, headers=JSON)
    assert error_code(answer) == 21405
    asked = {**JSON, "X-Error-Format": "problem-details"}
    answer = peer.http.post("/invoices/query/metadata", content=body, headers=asked)
    assert [each["code"] for each in answer.json()["errors"]] == [21405]


@pytest.mark.parametrize(
    ("path", "kind"), [("auth/xades-signature", "application/xml"), ("tokens", "application/json")]
)
def test_who_goes_away_while_sending_has_done_nothing_wrong(
    prompt: EmulatorProcess, path: str, kind: str
) -> None:
    host, _, port = prompt.origin.removeprefix("http://").partition(":")
    head = f"POST /v2/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n<"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode())
        while not prompt.requests():
            time.sleep(0.02)
    time.sleep(0.2)
    assert prompt.process.poll() is None  # and the contract was kept: there was no answer 500
