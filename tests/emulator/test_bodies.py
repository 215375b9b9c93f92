"""Bodies that are not what they say they are."""

from __future__ import annotations

import pytest

from tests.emulator.peer import Peer, error_code

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b"\x80", b"{", b"[]", b'"text"', b""])
def test_what_is_no_json_object_is_told_as_every_wrong_value(peer: Peer, body: bytes) -> None:
    answer = peer.http.post("/invoices/query/metadata", content=body, headers=JSON)
    assert error_code(answer) == 21405
    asked = {**JSON, "X-Error-Format": "problem-details"}
    answer = peer.http.post("/invoices/query/metadata", content=body, headers=asked)
    assert [each["code"] for each in answer.json()["errors"]] == [21405]
