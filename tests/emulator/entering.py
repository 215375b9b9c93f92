"""Logging in with a certificate, and the test data that decide what comes of it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import httpx

from tests.emulator.peer import Peer
from tests.emulator.signing import Shape, Signer, request_xml
from tests.emulator_process import NIP, EmulatorProcess

PESEL = "30112206276"


def make(peer: Peer, what: str, **body: Any) -> None:
    answer = peer.http.post(f"/testdata/{what}", json=body)
    assert (answer.status_code, answer.content) == (200, b""), answer.text


def grant(peer: Peer, kind: str, value: str, *permissions: str, nip: str = NIP) -> None:
    make(
        peer,
        "permissions",
        contextIdentifier={"type": "nip", "value": nip},
        authorizedIdentifier={"type": kind.lower(), "value": value},
        permissions=[{"permissionType": each, "description": "na próbę"} for each in permissions],
    )


def revoke(peer: Peer, kind: str, value: str, *, nip: str = NIP) -> None:
    """Take all that was granted to somebody in a context away."""
    make(
        peer,
        "permissions/revoke",
        contextIdentifier={"type": "nip", "value": nip},
        authorizedIdentifier={"type": kind.lower(), "value": value},
    )


def submit(
    peer: Peer, signer: Signer, context: tuple[str, str] = ("Nip", NIP), **more: str
) -> httpx.Response:
    xml = request_xml(peer.challenge()["challenge"], context, **more)
    return peer.submit_signed(Shape().sign(xml, signer))


def entered(emulator: EmulatorProcess, signer: Signer, context: tuple[str, str] = ("Nip", NIP)) -> Peer:
    peer = Peer(emulator)
    peer.enter(submit(peer, signer, context))
    return peer


def outcome(peer: Peer, submitted: httpx.Response) -> tuple[int, list[str]]:
    status = peer.login_status(submitted)["status"]
    return status["code"], status.get("details", [])


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def permissions(peer: Peer, submitted: httpx.Response) -> list[str]:
    return _permissions_of(peer.enter(submitted))


def refreshed(peer: Peer, refresh: dict[str, str]) -> list[str]:
    """The permissions of another access token; the peer keeps the one that it has."""
    answer = peer.http.post("/auth/token/refresh", headers=refresh)
    assert answer.status_code == 200, answer.text
    return _permissions_of(answer.json())


def _permissions_of(tokens: dict[str, Any]) -> list[str]:
    told: list[str] = json.loads(claims(tokens["accessToken"]["token"])["per"])
    return told
