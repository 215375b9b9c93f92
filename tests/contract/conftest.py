"""What the tests of the contract share."""

from __future__ import annotations

import pytest

from tests.contract.openapi import Contract, read_contract
from tests.official import CONTRACT


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The official contract."""
    if not CONTRACT.is_file():
        pytest.skip(f"the official contract is not at {CONTRACT}")
    return read_contract(CONTRACT)
