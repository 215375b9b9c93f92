"""Which operations of the contract the emulator serves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.additions import OPERATIONS
from tests.contract.openapi import METHODS, Contract
from tests.contract.operations import rows
from tests.contract.still_to_come import CLIENT_STILL_TO_COME, EMULATOR_STILL_TO_COME
from tests.emulator_process import EmulatorProcess


@pytest.fixture
def served(emulator: EmulatorProcess) -> dict[str, dict[str, Any]]:
    """The operations that the emulator says it has, by method and path without ``/v2``."""
    document = httpx.get(f"{emulator.origin}/docs/v2/openapi.json").raise_for_status().json()
    return {
        f"{method.upper()} {template.removeprefix('/v2')}": operation
        for template, methods in document["paths"].items()
        for method, operation in methods.items()
        if template.startswith("/v2/")
    }


def test_the_file_is_the_one_that_is_meant(contract: Contract) -> None:
    assert len({each.template for each in contract.operations}) == 78
    assert {each.method.lower() for each in contract.operations} == set(METHODS)


def test_each_operation_works_or_is_still_to_come(
    contract: Contract, served: dict[str, dict[str, Any]]
) -> None:
    official = {each.name for each in contract.operations}
    assert official - served.keys() == EMULATOR_STILL_TO_COME
    assert served.keys() - official == OPERATIONS & served.keys()


def test_operations_have_their_official_names(contract: Contract, served: dict[str, dict[str, Any]]) -> None:
    official = {
        each.name: (each.declared["summary"].splitlines()[0], each.declared["tags"])
        for each in contract.operations
        if each.name in served
    }
    names = {name: (served[name]["summary"], served[name]["tags"]) for name in official}
    assert names == official


def test_nothing_is_still_to_come_that_is_not_official(contract: Contract) -> None:
    assert {each.name for each in contract.operations} >= CLIENT_STILL_TO_COME | EMULATOR_STILL_TO_COME


def test_the_list_of_operations_is_complete_but_for_what_is_still_to_come(contract: Contract) -> None:
    listed = rows(contract)
    assert {row.operation for row in listed if not row.emulator} == EMULATOR_STILL_TO_COME
    assert {row.operation for row in listed if not row.client} == CLIENT_STILL_TO_COME
    assert {row.operation for row in listed if not row.test} <= CLIENT_STILL_TO_COME
    assert len(listed) == len(contract.operations) + len(OPERATIONS)


def test_the_list_names_functions_and_endpoints(contract: Contract) -> None:
    listed = {row.operation: (row.client, row.emulator) for row in rows(contract)}
    assert listed["POST /tokens"] == ("tokens.generate", "tokens.make_token")
    assert listed["POST /auth/challenge"] == ("login.log_in", "auth.create_challenge")
    assert listed["DELETE /auth/sessions/current"] == ("login.log_out", "logins.end_own_login")
