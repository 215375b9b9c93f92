from __future__ import annotations

from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import tokens
from airflow_provider_ksef.client.tokens import GeneratedToken
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError
from tests.unit.client.fake_ksef import FakeKsef

REFERENCE = "20260901-EC-1A2B3CC000-0F1E2D3C53-D1"
SECRET = f"{REFERENCE}|nip-5250001210|{'0123456789abcdef' * 4}"


def listed(number: int) -> dict[str, Any]:
    identifier = {"type": "Nip", "value": "5250001210"}
    return {
        "referenceNumber": REFERENCE,
        "authorIdentifier": identifier,
        "contextIdentifier": {"type": "SomeDay", "value": "1"},
        "description": f"token {number}",
        "requestedPermissions": ["InvoiceRead", "SomeDay"],
        "dateCreated": "2026-09-01T12:00:00.1234567+00:00",
        "status": "Active",
        "someday": True,
    }


def test_a_new_token_is_told_and_never_shown() -> None:
    answer = httpx.Response(202, json={"referenceNumber": REFERENCE, "token": SECRET})
    ksef = FakeKsef(replies={"POST /tokens": [answer]})
    with ksef.sync_client() as client:
        made = client.run(tokens.generate(["InvoiceRead"], "for the sync"))
    assert made == GeneratedToken(REFERENCE, SECRET)
    assert SECRET not in f"{made} {made!r} {[made]}"


def test_an_answer_that_is_none_does_not_show_the_token() -> None:
    answer = httpx.Response(202, json={"referenceNumber": 1, "token": SECRET})
    ksef = FakeKsef(replies={"POST /tokens": [answer]})
    with ksef.sync_client() as client, pytest.raises(KsefIntegrityError) as wrong:
        client.run(tokens.generate(["InvoiceRead"], "for the sync"))
    assert SECRET[-64:] not in f"{wrong.value} {wrong.value!r} {wrong.value.__cause__}"


def test_lists_are_read_to_their_end() -> None:
    pages = [{"tokens": [listed(1)], "continuationToken": "next"}, {"tokens": [listed(2)]}]
    ksef = FakeKsef(replies={"GET /tokens": [httpx.Response(200, json=page) for page in pages]})
    with ksef.sync_client() as client:
        found = client.run(tokens.query(statuses=["Active", "Pending"]))
    assert [token.description for token in found] == ["token 1", "token 2"]
    assert found[0].date_created.microsecond == 123456
    assert found[0].requested_permissions == ("InvoiceRead", "SomeDay")
    asked = [request for request in ksef.requests if request.url.path == "/v2/tokens"]
    assert [request.headers.get("x-continuation-token") for request in asked] == [None, "next"]
    assert asked[1].url.params.get_list("status") == ["Active", "Pending"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"permissions": [], "description": "for the sync"}, "permissions"),
        ({"permissions": "InvoiceRead", "description": "for the sync"}, "permissions"),
        ({"permissions": ["PefInvoiceWrite"], "description": "for the sync"}, "permissions"),
        ({"permissions": ["InvoiceRead"], "description": "sync"}, "description"),
    ],
)
def test_wrong_orders_are_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError) as refused:
        tokens.generate(**wrong)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"statuses": ["Lost"]}, "statuses"),
        ({"description": "ab"}, "description"),
        ({"author_identifier": "ab"}, "author_identifier"),
        ({"author_identifier_type": "InternalId"}, "author_identifier_type"),
    ],
)
def test_wrong_questions_are_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(KsefInputError) as refused:
        tokens.query(**wrong)
    assert refused.value.field == field
    with pytest.raises(KsefInputError):
        tokens.revoke("20260901")
