from __future__ import annotations

from contextlib import suppress

import pytest

from airflow_provider_ksef.exceptions import KsefError
from tests.contract.client_calls import OPERATIONS, REPLIES
from tests.contract.openapi import Contract
from tests.contract.request_check import request_problems
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
