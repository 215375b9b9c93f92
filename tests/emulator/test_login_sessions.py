"""The logins of a context that are still good: listed and ended."""

from __future__ import annotations

import pytest

from tests.emulator.entering import outcome, submit
from tests.emulator.granting import enter_below
from tests.emulator.peer import Peer, bearer, error_code, stamped
from tests.emulator.signing import seal
from tests.emulator_process import EmulatorProcess

OTHER_NIP = "1111111111"


@pytest.fixture
def peer(prompt: EmulatorProcess) -> Peer:
    """A client that has logged in by token."""
    peer = Peer(prompt)
    peer.log_in()
    return peer


def test_the_list_holds_active_logins_only_newest_first(peer: Peer) -> None:
    by_seal = Peer(peer.emulator)
    by_seal.enter(submit(by_seal, seal()))
    by_seal.submit_token()  # never redeemed
    items = peer.http.get("/auth/sessions").json()["items"]
    assert [item["authenticationMethod"] for item in items] == ["QualifiedSeal", "Token"]
    assert [item["isCurrent"] for item in items] == [False, True]
    assert items[0]["startDate"] > items[1]["startDate"]
    assert [item["status"]["code"] for item in items] == [200, 200]
    assert all(item["isTokenRedeemed"] and item["refreshTokenValidUntil"] for item in items)


def test_a_long_list_comes_in_pages(peer: Peer) -> None:
    for _ in range(10):
        peer.log_in()
    first = peer.http.get("/auth/sessions").json()
    assert len(first["items"]) == 10
    following = {"x-continuation-token": first["continuationToken"]}
    rest = peer.http.get("/auth/sessions", headers=following).json()
    assert len(rest["items"]) == 1
    assert "continuationToken" not in rest
    for size in (9, 101):
        assert error_code(peer.http.get("/auth/sessions", params={"pageSize": size})) == 21405


def test_another_login_of_the_context_is_ended(peer: Peer) -> None:
    by_seal = Peer(peer.emulator)
    submitted = submit(by_seal, seal())
    redeemed = by_seal.enter(submitted)
    reference = submitted.json()["referenceNumber"]
    assert peer.http.delete(f"/auth/sessions/{reference}").status_code == 204
    code, details = outcome(by_seal, submitted)
    assert code == 425
    assert details == ["Uwierzytelnienie i powiązane refresh tokeny zostały unieważnione przez użytkownika"]
    refused = by_seal.http.post("/auth/token/refresh", headers=bearer(redeemed["refreshToken"]["token"]))
    assert error_code(refused) == 21301
    assert "Status uwierzytelnienia (425) nie pozwala na odświeżenie tokenu dostępowego." in refused.text
    assert by_seal.http.get("/limits/context").status_code == 200
    assert len(peer.http.get("/auth/sessions").json()["items"]) == 1


def test_a_login_that_failed_keeps_its_status(peer: Peer) -> None:
    stranger = Peer(peer.emulator)
    submitted = stranger.submit_token(stamped("nonsense"))
    before = outcome(stranger, submitted)
    assert before[0] == 450
    reference = submitted.json()["referenceNumber"]
    assert peer.http.delete(f"/auth/sessions/{reference}").status_code == 204
    assert outcome(stranger, submitted) == before


def test_a_login_ends_itself_by_its_refresh_token(peer: Peer) -> None:
    redeemed = Peer(peer.emulator).log_in()
    ended = peer.http.delete("/auth/sessions/current", headers=bearer(redeemed["refreshToken"]["token"]))
    assert ended.status_code == 204
    assert len(peer.http.get("/auth/sessions").json()["items"]) == 1


def test_a_login_of_another_context_is_left_alone(peer: Peer) -> None:
    other = Peer(peer.emulator)
    submitted = submit(other, seal(f"VATPL-{OTHER_NIP}"), ("Nip", OTHER_NIP))
    other.enter(submitted)
    reference = submitted.json()["referenceNumber"]
    assert error_code(peer.http.delete(f"/auth/sessions/{reference}")) == 21405
    assert len(other.http.get("/auth/sessions").json()["items"]) == 1
    below = enter_below(peer.emulator)
    assert len(below.http.get("/auth/sessions").json()["items"]) == 2


def test_a_refresh_token_lives_for_a_week(peer: Peer) -> None:
    redeemed = peer.log_in()
    refresh = bearer(redeemed["refreshToken"]["token"])
    peer.emulator.control("clock", advance=7 * 86_400 - 60)
    assert peer.http.post("/auth/token/refresh", headers=refresh).status_code == 200
    peer.emulator.control("clock", advance=60)
    assert peer.http.post("/auth/token/refresh", headers=refresh).status_code == 401
