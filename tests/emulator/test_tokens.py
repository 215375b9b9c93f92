"""KSeF tokens: made by certificate, pending, active, revoked, and seen by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.entering import (
    PESEL,
    claims,
    entered,
    grant,
    make,
    outcome,
    permissions,
    refreshed,
    revoke,
    submit,
)
from tests.emulator.granting import enter_abroad, enter_below
from tests.emulator.peer import Peer, bearer, error_code, stamped
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, TOKEN, EmulatorProcess

OTHER_NIP = "1111111111"
GIVEN = TOKEN.partition("|")[0]


def order(peer: Peer, *permissions: str, description: str = "Na próbę") -> httpx.Response:
    body = {"permissions": permissions or ["InvoiceRead"], "description": description}
    return peer.http.post("/tokens", json=body)


def made(peer: Peer, *permissions: str, description: str = "Na próbę") -> tuple[str, str]:
    answer = order(peer, *permissions, description=description)
    assert answer.status_code == 202, answer.text
    return answer.json()["referenceNumber"], answer.json()["token"]


def listed(peer: Peer, **parameters: Any) -> list[str]:
    answer = peer.http.get("/tokens", params=parameters)
    assert answer.status_code == 200, answer.text
    return [token["referenceNumber"] for token in answer.json()["tokens"]]


def test_a_token_lets_in_with_its_own_permissions(owner: Peer) -> None:
    reference, text = made(owner, "InvoiceRead", "CredentialsRead")
    assert text.startswith(f"{reference}|nip-{NIP}|")
    assert len(text) <= 160
    peer = Peer(owner.emulator)
    told = claims(peer.log_in(text)["accessToken"]["token"])
    assert json.loads(told["per"]) == ["InvoiceRead", "CredentialsRead"]
    assert json.loads(told["sud"])["subjectIdentifier"] == {"type": "Nip", "value": NIP}
    status = owner.http.get(f"/tokens/{reference}").json()
    assert status["status"] == "Active"
    assert status["requestedPermissions"] == ["InvoiceRead", "CredentialsRead"]
    assert status["authorIdentifier"] == status["contextIdentifier"] == {"type": "Nip", "value": NIP}
    assert status["lastUseDate"] > status["dateCreated"]


def test_a_token_of_an_internal_id_works_there_only(prompt: EmulatorProcess) -> None:
    context = f"{NIP}-12346"
    _, text = made(enter_below(prompt))
    assert f"|internalId-{context}|" in text
    peer = Peer(prompt)
    below = {"contextIdentifier": {"type": "InternalId", "value": context}}
    peer.enter(peer.submit_token(stamped(text), **below))
    detail = f"Token nie może być użyty w kontekście {NIP}"
    assert outcome(peer, peer.submit_token(stamped(text))) == (450, [detail])


def test_who_came_by_token_makes_none(prompt: EmulatorProcess) -> None:
    peer = Peer(prompt)
    peer.log_in()
    refused = order(peer)
    assert refused.status_code == 403
    assert refused.json()["reasonCode"] == "auth-method-not-allowed"
    assert refused.json()["security"] == {"authenticationMethodCategory": "Token"}


def test_other_contexts_have_no_tokens(prompt: EmulatorProcess) -> None:
    provider = entered(prompt, seal("PPL123456", "PPL123456"), ("PeppolId", "PPL123456"))
    for peer in (enter_abroad(prompt, person("IDCDE-1")), provider):
        assert error_code(order(peer)) == 26002


def test_nobody_gives_more_than_they_have(owner: Peer) -> None:
    assert error_code(order(owner, "EnforcementOperations")) == 26001
    grant(owner, "Pesel", PESEL, "InvoiceRead")
    refused = order(entered(owner.emulator, person(f"PNOPL-{PESEL}")), "InvoiceRead", "InvoiceWrite")
    assert error_code(refused) == 26001
    assert "InvoiceWrite" in refused.text
    assert "InvoiceRead" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": [], "description": "Na próbę"},
        {"permissions": ["PefInvoiceWrite"], "description": "Na próbę"},
        {"permissions": ["InvoiceRead"], "description": "krót"},
        {"permissions": ["InvoiceRead"], "description": "x" * 257},
        {"permissions": ["InvoiceRead"]},
    ],
)
def test_a_wrong_order_is_21405(owner: Peer, body: dict[str, Any]) -> None:
    assert error_code(owner.http.post("/tokens", json=body)) == 21405


def test_a_revoked_token_lets_nobody_in_nor_on(owner: Peer) -> None:
    reference, text = made(owner)
    peer = Peer(owner.emulator)
    redeemed = peer.log_in(text)
    waiting = peer.submit_token(stamped(text))
    assert owner.http.delete(f"/tokens/{reference}").status_code == 204
    assert owner.http.get(f"/tokens/{reference}").json()["status"] == "Revoked"
    assert outcome(peer, peer.submit_token(stamped(text))) == (450, ["Token unieważniony"])
    refresh = bearer(redeemed["refreshToken"]["token"])
    for refused in (peer.redeem(waiting), peer.http.post("/auth/token/refresh", headers=refresh)):
        assert error_code(refused) == 21301
        assert "Token KSeF został unieważniony." in refused.text
    assert peer.http.get("/limits/context").status_code == 200
    assert owner.http.delete(f"/tokens/{reference}").status_code == 204


def test_a_token_gives_no_more_than_its_author_still_has(owner: Peer) -> None:
    signer = person(f"PNOPL-{PESEL}")
    grant(owner, "Pesel", PESEL, "InvoiceRead", "InvoiceWrite")
    _, text = made(entered(owner.emulator, signer), "InvoiceWrite", "InvoiceRead")
    peer = Peer(owner.emulator)
    refresh = bearer(peer.log_in(text)["refreshToken"]["token"])
    revoke(owner, "Pesel", PESEL)
    assert refreshed(peer, refresh) == []
    assert peer.http.get("/sessions", params={"sessionType": "Online"}).status_code == 200
    assert outcome(peer, peer.submit_token(stamped(text))) == (415, ["Brak przypisanych uprawnień"])
    grant(owner, "Pesel", PESEL, "InvoiceRead", "Introspection")
    assert permissions(peer, peer.submit_token(stamped(text))) == ["InvoiceRead"]
    assert refreshed(peer, refresh) == ["InvoiceRead"]


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        ("Pending", "Token nieaktywny"),
        ("Failed", "Token nieaktywny"),
        ("Revoking", "Token unieważniony"),
        ("Revoked", "Token unieważniony"),
    ],
)
def test_a_token_that_is_not_active_is_refused_with_its_cause(owner: Peer, status: str, detail: str) -> None:
    reference, text = made(owner)
    owner.emulator.control("token-status", referenceNumber=reference, status=status)
    assert listed(owner, status=status) == [reference]
    assert outcome(owner, owner.submit_token(stamped(text))) == (450, [detail])
    owner.emulator.control("token-status", referenceNumber=reference, status="Active")
    assert outcome(owner, owner.submit_token(stamped(text))) == (200, [])


def test_a_delay_shows_what_is_in_between(emulators: Callable[..., EmulatorProcess]) -> None:
    emulator = emulators("--delay", "30")
    peer = Peer(emulator)
    submitted = submit(peer, seal())
    assert outcome(peer, submitted) == (100, [])
    emulator.control("clock", advance=30)
    peer.enter(submitted)
    reference, text = made(peer)
    assert peer.http.get(f"/tokens/{reference}").json()["status"] == "Pending"
    refused = peer.submit_token(stamped(text))
    emulator.control("clock", advance=30)
    assert outcome(peer, refused) == (450, ["Token nieaktywny"])
    assert peer.http.get(f"/tokens/{reference}").json()["status"] == "Active"
    assert peer.http.delete(f"/tokens/{reference}").status_code == 204
    assert peer.http.get(f"/tokens/{reference}").json()["status"] == "Revoking"
    emulator.control("clock", advance=30)
    assert peer.http.get(f"/tokens/{reference}").json()["status"] == "Revoked"


def test_the_list_is_sorted_filtered_and_paged(owner: Peer) -> None:
    references = [made(owner, description=f"Księgowość {number}")[0] for number in range(12)]
    newest_first = [*reversed(references), GIVEN]
    assert listed(owner, pageSize=100) == newest_first
    first = owner.http.get("/tokens").json()
    rest = owner.http.get("/tokens", headers={"x-continuation-token": first["continuationToken"]}).json()
    assert "continuationToken" not in rest
    pages = [*first["tokens"], *rest["tokens"]]
    assert [token["referenceNumber"] for token in pages] == newest_first
    assert listed(owner, description="KSIĘGOWOŚĆ 1") == [references[11], references[10], references[1]]
    assert listed(owner, authorIdentifier="25000", authorIdentifierType="nip", description="wiersza") == [
        GIVEN
    ]
    assert listed(owner, authorIdentifierType="Pesel") == []
    assert owner.http.delete(f"/tokens/{references[0]}").status_code == 204
    assert listed(owner, status="Revoked") == [references[0]]
    assert len(listed(owner, status=["Active", "Revoked"], pageSize=100)) == 13
    for wrong in ({"description": "ab"}, {"pageSize": 9}, {"pageSize": 101}, {"status": "Lost"}):
        assert error_code(owner.http.get("/tokens", params=wrong)) == 21405
    assert error_code(owner.http.get("/tokens", headers={"x-continuation-token": "?"})) == 21418


def test_without_the_right_to_credentials_one_sees_ones_own_only(owner: Peer) -> None:
    grant(owner, "Pesel", PESEL, "InvoiceRead")
    clerk = entered(owner.emulator, person(f"PNOPL-{PESEL}"))
    own, text = made(clerk)
    assert listed(clerk) == [own]
    assert listed(owner) == [own, GIVEN]
    by_token = Peer(owner.emulator)
    by_token.log_in(text)
    second, _ = made(clerk)
    assert listed(clerk) == [second, own]
    assert listed(by_token) == [own]
    assert by_token.http.get(f"/tokens/{second}").status_code == 200
    for peer, method, reference in (
        (clerk, "GET", GIVEN),
        (clerk, "DELETE", GIVEN),
        (by_token, "GET", GIVEN),
        (by_token, "DELETE", second),
    ):
        refused = peer.http.request(method, f"/tokens/{reference}")
        assert refused.status_code == 403
        assert refused.json()["reasonCode"] == "insufficient-resource-access"
    assert by_token.http.delete(f"/tokens/{own}").status_code == 204
    assert clerk.http.delete(f"/tokens/{second}").status_code == 204


def test_reading_credentials_sees_all_and_revokes_ones_own_only(owner: Peer) -> None:
    grant(owner, "Nip", OTHER_NIP, "CredentialsRead")
    auditor = entered(owner.emulator, seal(f"VATPL-{OTHER_NIP}"))
    assert listed(auditor) == [GIVEN]
    assert auditor.http.delete(f"/tokens/{GIVEN}").status_code == 403
    assert owner.http.delete(f"/tokens/{GIVEN}").status_code == 204


def test_a_bound_nip_and_pesel_are_one_author(owner: Peer) -> None:
    grant(owner, "Nip", OTHER_NIP, "InvoiceRead")
    reference, _ = made(entered(owner.emulator, person(f"TINPL-{OTHER_NIP}")))
    make(owner, "person", nip=OTHER_NIP, pesel=PESEL, isBailiff=False, description="JDG na próbę")
    assert listed(entered(owner.emulator, person(f"PNOPL-{PESEL}"))) == [reference]


def test_a_token_of_another_context_is_not_told(prompt: EmulatorProcess, owner: Peer) -> None:
    other = entered(prompt, seal(f"VATPL-{OTHER_NIP}"), ("Nip", OTHER_NIP))
    assert listed(other) == []
    assert other.http.get(f"/tokens/{GIVEN}").status_code == 403
    assert error_code(other.http.get("/tokens/20260901-EC-0000000000-0000000000-00")) == 21405


def test_a_given_token_that_was_revoked_stays_so_after_a_restart(
    emulators: Callable[..., EmulatorProcess], tmp_path: Any
) -> None:
    state = ("--state", str(tmp_path / "state.sqlite"))
    first = emulators(*state)
    assert entered(first, seal()).http.delete(f"/tokens/{GIVEN}").status_code == 204
    first.stop()
    assert TOKEN.encode() not in (tmp_path / "state.sqlite").read_bytes()
    peer = Peer(emulators(*state))
    assert outcome(peer, peer.submit_token()) == (450, ["Token unieważniony"])
