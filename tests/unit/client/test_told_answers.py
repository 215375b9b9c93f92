"""What KSeF told word by word, beside what this version reads of it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.client import tokens
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.told_answers import told_answers
from airflow_provider_ksef.exceptions import KsefApiError, KsefIntegrityError
from tests.unit.client.fake_ksef import FakeKsef, problem
from tests.unit.client.test_tokens import listed

NEW = {"share": Decimal("0.1"), "of": {"many": 3}}
PAGES = [
    b'{"tokens": [], "continuationToken": "next", "someday": {"share": 0.1, "of": {"many": 3}}}',
    b'{"tokens": []}',
]


def answering(*contents: bytes) -> FakeKsef:
    return FakeKsef(replies={"GET /tokens": [httpx.Response(200, content=content) for content in contents]})


def test_each_answer_is_there_with_all_its_members() -> None:
    with answering(*PAGES).sync_client() as client:
        first, second = client.run(told_answers(tokens.query()))
    assert first["someday"] == NEW
    assert second == {"tokens": []}


def test_both_clients_tell_the_same() -> None:
    async def main() -> list[dict[str, Any]]:
        async with answering(*PAGES).async_client() as client:
            return await client.run(told_answers(tokens.query()))

    with answering(*PAGES).sync_client() as client:
        assert client.run(told_answers(tokens.query())) == asyncio.run(main())


def test_what_is_not_as_the_api_promises_is_refused_as_ever() -> None:
    wrong = {**listed(1), "referenceNumber": 7}
    ksef = FakeKsef(replies={"GET /tokens": [httpx.Response(200, json={"tokens": [wrong]})]})
    with ksef.sync_client() as client, pytest.raises(KsefIntegrityError):
        client.run(told_answers(tokens.query()))


def test_a_flow_still_hears_of_its_errors() -> None:
    def forgiving() -> Flow[None]:
        try:
            yield from tokens.query()
        except KsefApiError:
            yield from tokens.query()

    replies = [problem(403), httpx.Response(200, content=PAGES[1])]
    with FakeKsef(replies={"GET /tokens": replies}).sync_client() as client:
        assert client.run(told_answers(forgiving())) == [{"tokens": []}]
