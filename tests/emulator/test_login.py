"""Logging in by token, over a real socket."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable

import httpx
import pytest

from tests.emulator.entering import claims
from tests.emulator.peer import Peer, bearer, error_code, stamped
from tests.emulator_process import NIP, TOKEN, EmulatorProcess

OTHER_NIP = "1111111111"


def test_a_token_lets_in_and_its_jwt_tells_who_came(stranger: Peer) -> None:
    redeemed = stranger.log_in()
    told = claims(redeemed["accessToken"]["token"])
    assert (told["typ"], told["cit"], told["civ"], told["aum"]) == ("ContextToken", "Nip", NIP, "Token")
    assert told["exp"] - told["iat"] == 900
    assert {"InvoiceRead", "InvoiceWrite"} <= set(json.loads(told["per"]))
    assert json.loads(told["sud"])["subjectIdentifier"] == {"type": "Nip", "value": NIP}
    assert stranger.http.get("/limits/context").status_code == 200


def test_the_status_of_a_login_needs_a_token_until_it_is_forgotten(stranger: Peer) -> None:
    login = stranger.submit_token().json()
    operation = bearer(login["authenticationToken"]["token"])
    path = f"/auth/{login['referenceNumber']}"
    for advance, expected in ((2690, 200), (20, 401), (7 * 86_400 - 2720, 401), (20, 410)):
        stranger.emulator.control("clock", advance=advance)
        assert stranger.http.get(path, headers=operation).status_code == expected
    for headers in (bearer(operation["Authorization"][7:-1]), {}):
        assert stranger.http.get(path, headers=headers).status_code == 401


def test_the_challenge_tells_one_instant_twice(stranger: Peer) -> None:
    challenge = stranger.challenge()
    assert challenge["timestamp"].endswith("0000+00:00")
    assert abs(challenge["timestampMs"] / 1000 - time.time()) < 5
    assert challenge["clientIp"] == "127.0.0.1"


def test_keys_of_both_usages_are_published(stranger: Peer) -> None:
    keys = stranger.http.get("/security/public-key-certificates").json()
    assert sorted(usage for key in keys for usage in key["usage"]) == [
        "KsefTokenEncryption",
        "SymmetricKeyEncryption",
    ]
    assert all(len(key["publicKeyId"]) == len(key["certificateId"]) == 44 for key in keys)


REFUSED: dict[str, tuple[Callable[[Peer], httpx.Response], str]] = {
    "unknown token": (lambda peer: peer.submit_token(stamped(TOKEN[:-1])), "Nieprawidłowy token"),
    "wrong time": (
        lambda peer: peer.submit_token(lambda _: f"{TOKEN}|1".encode()),
        "Nieprawidłowy czas tokena",
    ),
    "no time": (lambda peer: peer.submit_token(lambda _: b"abc"), "Nieprawidłowe kodowanie tokena"),
    "not UTF-8": (lambda peer: peer.submit_token(lambda _: b"\xff\xfe|1"), "Nieprawidłowe kodowanie tokena"),
    "encrypted by nobody's key": (
        lambda peer: peer.submit_token(encryptedToken=b64encode(b"x" * 256).decode()),
        "Nieprawidłowe szyfrowanie tokena",
    ),
    "no text but digits of another alphabet": (
        lambda peer: peer.submit_token(lambda _: f"{TOKEN}|٣".encode()),
        "Nieprawidłowe kodowanie tokena",
    ),
    "other context": (
        lambda peer: peer.submit_token(nip=OTHER_NIP),
        f"Token nie może być użyty w kontekście {OTHER_NIP}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_token_is_refused_with_its_cause(stranger: Peer, case: str) -> None:
    submit, detail = REFUSED[case]
    submitted = submit(stranger)
    assert submitted.status_code == 202
    status = stranger.login_status(submitted)["status"]
    assert (status["code"], status["details"]) == (450, [detail])
    redeem = stranger.http.post(
        "/auth/token/redeem", headers=bearer(submitted.json()["authenticationToken"]["token"])
    )
    assert error_code(redeem) == 21301


def test_a_second_redeem_is_refused(stranger: Peer) -> None:
    submitted = stranger.submit_token()
    operation = bearer(submitted.json()["authenticationToken"]["token"])
    assert stranger.login_status(submitted)["isTokenRedeemed"] is False
    assert stranger.http.post("/auth/token/redeem", headers=operation).status_code == 200
    assert error_code(stranger.http.post("/auth/token/redeem", headers=operation)) == 21301
    assert stranger.login_status(submitted)["isTokenRedeemed"] is True


def test_a_challenge_is_good_once(stranger: Peer) -> None:
    challenge = stranger.challenge()
    assert stranger.submit_token(challenge=challenge).status_code == 202
    assert error_code(stranger.submit_token(challenge=challenge)) == 21111


def test_a_challenge_is_good_for_ten_minutes(stranger: Peer) -> None:
    challenge = stranger.challenge()
    stranger.emulator.control("clock", advance=601)
    assert error_code(stranger.submit_token(challenge=challenge)) == 21111


def test_an_unknown_key_is_refused_at_once(stranger: Peer) -> None:
    assert error_code(stranger.submit_token(publicKeyId=b64encode(b"k" * 32).decode())) == 21470


def test_an_access_token_expires_and_a_refresh_gives_another(stranger: Peer) -> None:
    redeemed = stranger.log_in()
    stranger.emulator.control("clock", advance=901)
    assert stranger.http.get("/limits/context").status_code == 401
    refresh = bearer(redeemed["refreshToken"]["token"])
    refreshed = stranger.http.post("/auth/token/refresh", headers=refresh).json()
    assert set(refreshed) == {"accessToken"}
    assert refreshed["accessToken"]["token"] != redeemed["accessToken"]["token"]
    answer = stranger.http.get("/limits/context", headers=bearer(refreshed["accessToken"]["token"]))
    assert answer.status_code == 200


def test_an_ended_login_refreshes_no_more_but_its_access_token_lives_on(stranger: Peer) -> None:
    redeemed = stranger.log_in()
    items = stranger.http.get("/auth/sessions").json()["items"]
    assert [item["isCurrent"] for item in items] == [True]
    assert stranger.http.delete("/auth/sessions/current").status_code == 204
    refresh = bearer(redeemed["refreshToken"]["token"])
    assert error_code(stranger.http.post("/auth/token/refresh", headers=refresh)) == 21301
    assert stranger.http.get("/auth/sessions").json()["items"] == []


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Bearer a.b.c", "Basic eDp5"])
def test_without_a_good_token_nothing_is_told(stranger: Peer, authorization: str) -> None:
    answer = stranger.http.get("/rate-limits", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Unauthorized"


def test_the_operation_token_tells_nothing_of_rights(stranger: Peer) -> None:
    told = claims(stranger.submit_token().json()["authenticationToken"]["token"])
    assert (told["typ"], told["exp"] - told["iat"]) == ("AuthenticationToken", 2700)
    assert not {"per", "sud", "aum", "ipp"} & set(told)


@pytest.mark.parametrize(("kind", "value"), [("Nip", "0123456789"), ("InternalId", NIP), ("PeppolId", NIP)])
def test_a_context_that_is_none_is_21405(stranger: Peer, kind: str, value: str) -> None:
    context = {"type": kind, "value": value}
    assert error_code(stranger.submit_token(contextIdentifier=context)) == 21405


def test_each_token_has_its_use(stranger: Peer) -> None:
    redeemed = stranger.log_in()
    refresh = bearer(redeemed["refreshToken"]["token"])
    assert stranger.http.get("/limits/context", headers=refresh).status_code == 401
    assert stranger.http.post("/auth/token/refresh").status_code == 401


def test_a_delay_shows_the_status_in_between(emulators: Callable[..., EmulatorProcess]) -> None:
    peer = Peer(emulators("--delay", "0.5"))
    submitted = peer.submit_token()
    assert peer.login_status(submitted)["status"]["code"] == 100
    time.sleep(0.6)
    assert peer.login_status(submitted)["status"]["code"] == 200


def test_several_contexts_have_tokens_of_any_form(emulators: Callable[..., EmulatorProcess]) -> None:
    emulator = emulators("--nip", OTHER_NIP, "--token", "any text | żółw")
    for nip, token in ((NIP, TOKEN), (OTHER_NIP, "any text | żółw")):
        redeemed = Peer(emulator).log_in(token, nip)
        assert claims(redeemed["accessToken"]["token"])["civ"] == nip
