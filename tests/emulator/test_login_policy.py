"""Where the tokens of a login may be used from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.entering import claims
from tests.emulator.peer import Peer, bearer, error_code
from tests.emulator.signing import Shape, person, request_xml


def by_token(peer: Peer, name: str, entry: str) -> httpx.Response:
    member = {"Ip4Address": "ip4Addresses", "Ip4Range": "ip4Ranges", "Ip4Mask": "ip4Masks"}[name]
    return peer.submit_token(authorizationPolicy={"allowedIps": {member: [entry]}})


def by_signature(peer: Peer, name: str, entry: str) -> httpx.Response:
    policy = f"<AuthorizationPolicy><AllowedIps><{name}>{entry}</{name}></AllowedIps></AuthorizationPolicy>"
    xml = request_xml(peer.challenge()["challenge"], policy=policy)
    return peer.submit_signed(Shape().sign(xml, person()))


Submit = Callable[[Peer, str, str], httpx.Response]
METHODS = pytest.mark.parametrize("submit", [by_token, by_signature])


@METHODS
@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Ip4Address", "127.0.0.1", "127.0.0.2"),
        ("Ip4Range", "126.255.255.255-127.0.0.1", "127.0.0.2-127.0.0.9"),
        ("Ip4Mask", "127.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_tokens_work_from_where_they_may_only(
    stranger: Peer, submit: Submit, name: str, inside: str, outside: str
) -> None:
    redeemed = stranger.enter(submit(stranger, name, inside))
    policy = json.loads(claims(redeemed["accessToken"]["token"])["ipp"])
    assert list(policy["allowedIps"].values()) == [[inside]]
    assert stranger.http.get("/limits/context").status_code == 200

    redeemed = stranger.enter(submit(stranger, name, outside))
    refused = stranger.http.get("/limits/context")
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["reasonCode"] == "ip-not-allowed"
    assert refused.json()["security"] == {"clientIp": "127.0.0.1"}
    refresh = bearer(redeemed["refreshToken"]["token"])
    assert stranger.http.post("/auth/token/refresh", headers=refresh).status_code == 403


def test_the_address_that_counts_is_the_callers(stranger: Peer) -> None:
    redeemed = stranger.enter(by_token(stranger, "Ip4Address", "127.0.0.2"))
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=stranger.emulator.url, transport=transport) as elsewhere:
        assert elsewhere.post("/auth/challenge").json()["clientIp"] == "127.0.0.2"
        access = bearer(redeemed["accessToken"]["token"])
        assert elsewhere.get("/limits/context", headers=access).status_code == 200


@pytest.mark.parametrize("policy", [{}, {"allowedIps": {}}, {"allowedIps": {"ip4Addresses": []}}, None])
def test_a_policy_without_addresses_restricts_nothing(stranger: Peer, policy: dict[str, Any] | None) -> None:
    redeemed = stranger.enter(stranger.submit_token(authorizationPolicy=policy))
    assert "ipp" not in claims(redeemed["accessToken"]["token"])
    assert stranger.http.get("/limits/context").status_code == 200


@pytest.mark.parametrize(
    "allowed",
    [
        {"ip4Addresses": ["256.0.0.1"]},
        {"ip4Addresses": ["127.0.0.1"] * 11},
        {"ip4Ranges": ["127.0.0.1"]},
        {"ip4Masks": ["127.0.0.0/33"]},
    ],
)
def test_what_is_no_address_is_21405(stranger: Peer, allowed: dict[str, list[str]]) -> None:
    assert error_code(stranger.submit_token(authorizationPolicy={"allowedIps": allowed})) == 21405
