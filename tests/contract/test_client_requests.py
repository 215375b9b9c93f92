from __future__ import annotations

from contextlib import suppress

import pytest

from airflow_provider_ksef.exceptions import KsefError
from tests.contract.client_calls import OPERATIONS, REPLIES
from tests.contract.openapi import Contract
from tests.contract.request_check import request_problems
from tests.contract.still_to_come import CLIENT_STILL_TO_COME
from tests.unit.client.fake_ksef import FakeKsef


@pytest.mark.parametrize("name", OPERATIONS)
def test_requests_are_as_the_contract_says(contract: Contract, name: str) -> None:
    ksef = FakeKsef(replies=dict(REPLIES))
    # The answers of this KSeF are not the matter here.
    with suppress(KsefError), ksef.sync_client() as client:
        client.run(OPERATIONS[name]())
    assert ksef.requests
    assert {str(request.url): request_problems(contract, request) for request in ksef.requests} == {
        str(request.url): [] for request in ksef.requests
    }


def test_the_client_describes_each_operation_that_is_not_still_to_come(contract: Contract) -> None:
    ksef = FakeKsef(access_seconds=0.0, replies=dict(REPLIES))
    with ksef.sync_client() as client:
        for describe in OPERATIONS.values():
            with suppress(KsefError):
                client.run(describe())
    found = (contract.find(each.method, each.url.path.removeprefix("/v2")) for each in ksef.requests)
    called = {operation.name for operation in found if operation}
    assert called == {operation.name for operation in contract.operations} - CLIENT_STILL_TO_COME
