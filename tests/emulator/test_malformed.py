"""Requests that make no sense: each is refused in KSeF's words, none breaks the emulator."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.emulator.peer import APRIL, Peer, by_storage, error_code

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b"{",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "no UTF-8": b'{"subjectType": "\xff"}',
    "very deep": b"[" * 100_000,
    "half a surrogate pair": json.dumps({**by_storage(end=APRIL), "sellerNip": "\ud800"}).encode(),
    "half a pair in a list": json.dumps({**by_storage(end=APRIL), "currencyCodes": ["\udfff"]}).encode(),
    "a number beyond all limits": b'{"amount": {"type": "Netto", "from": 1e999}}',
    "no number": b'{"amount": {"type": "Netto", "from": NaN}}',
    "a number of 6,000 digits": b'{"amount": {"type": "Netto", "from": ' + b"1" * 6000 + b"}}",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_told(peer: Peer, name: str) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/invoices/query/metadata", "/invoices/exports", "/testdata/rate-limits"):
        answer = peer.http.post(path, content=BODIES[name], headers=headers)
        assert error_code(answer) == 21405
        problem = peer.http.post(
            path, content=BODIES[name], headers={**headers, "X-Error-Format": "problem-details"}
        )
        assert problem.status_code == 400
        assert {each["code"] for each in problem.json()["errors"]} == {21405}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_read_is_not_looked_at_without_a_token(stranger: Peer, name: str) -> None:
    for path in ("/invoices/query/metadata", "/testdata/rate-limits", "/sessions/batch"):
        for token in ("", "Bearer a.b.c"):
            headers = {"Content-Type": "application/json", "Authorization": token}
            answer = stranger.http.post(path, content=BODIES[name], headers=headers)
            assert answer.status_code == 401


@pytest.mark.parametrize(
    "value", [None, True, -1, 1.5, 10**30, "", "\x00", "ż" * 300, [], [[]], {}, {"a": 1}]
)
def test_a_member_of_any_kind_breaks_nothing(peer: Peer, value: Any) -> None:
    filters = by_storage(end=APRIL)
    for name in (
        "ksefNumber",
        "invoiceNumber",
        "amount",
        "buyerIdentifier",
        "currencyCodes",
        "hasAttachment",
    ):
        assert peer.query({**filters, name: value}).status_code in (200, 400)
    for name in ("dateType", "from", "to"):
        dates = {**filters["dateRange"], name: value}
        assert peer.query({**filters, "dateRange": dates}).status_code in (200, 400)


@pytest.mark.parametrize("part", ["%00", "%FF", "%ED%A0%80", "%2F", ";", "a" * 3000, "..", "x y"])
def test_a_path_of_any_kind_breaks_nothing(peer: Peer, part: str) -> None:
    for path in (f"/invoices/ksef/{part}", f"/invoices/exports/{part}", f"/nowhere/{part}"):
        assert peer.http.get(path).status_code in (400, 404)
    assert httpx.get(f"{peer.emulator.origin}/storage/03/{part}/export-parts/1/x").status_code in (403, 404)


def test_an_unknown_path_or_method_is_a_problem(peer: Peer) -> None:
    unknown = peer.http.get("/nowhere")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "application/problem+json")
    for path in ("", "/x", "/03/x/export-parts/one/x"):
        blob = peer.links.get(f"{peer.emulator.origin}/storage{path}")
        assert (blob.status_code, blob.headers["content-type"]) == (404, "application/xml")
        assert "<Code>BlobNotFound</Code>" in blob.text
    assert unknown.json()["instance"] == "/v2/nowhere"
    wrong = peer.http.put("/rate-limits")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert peer.http.head("/rate-limits").status_code == 405


def test_another_content_type_is_refused(peer: Peer) -> None:
    answer = peer.http.post("/invoices/query/metadata", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415


@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=0", "*/*", "nonsense"])
def test_any_accept_header_will_do(peer: Peer, accept: str) -> None:
    assert peer.http.get("/rate-limits", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("header", ["Bearer", "Bearer \xff", "Basic x", "Bearer a.b.c"])
def test_a_token_of_any_kind_is_refused(peer: Peer, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    assert httpx.get(f"{peer.emulator.url}/rate-limits", headers=headers).status_code == 401


def test_an_unknown_feature_is_ignored(peer: Peer) -> None:
    assert peer.http.get("/rate-limits", headers={"X-KSeF-Feature": "flying"}).status_code == 200


def test_system_warnings_are_joined_and_lose_their_diacritics(peer: Peer) -> None:
    warnings = [("X-Test-System-Warning", "[1]: Zażółć GĘŚLĄ".encode()), ("X-Test-System-Warning", b"[2]: b")]
    answer = peer.http.get("/rate-limits", headers=[*peer.http.headers.raw, *warnings])
    assert answer.headers["x-system-warning"] == "[1]: Zazolc GESLA | [2]: b"
    assert "x-system-warning" not in peer.http.get("/nowhere", headers=warnings).headers
