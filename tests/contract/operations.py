"""
All operations of KSeF's API with what serves and calls them here: ``python -m tests.contract.operations``.

Each line tells an operation, the client's function, the emulator's endpoint, and the tests of both together.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.routing import APIRoute

from airflow_provider_ksef.emulator.app import make_app
from airflow_provider_ksef.emulator.connections import Connections
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.gate import API
from airflow_provider_ksef.emulator.settings import Settings
from airflow_provider_ksef.exceptions import KsefError
from tests.contract.additions import OPERATIONS as NEWER
from tests.contract.client_calls import OPERATIONS, REPLIES
from tests.contract.openapi import Contract, read_contract
from tests.official import CHECKOUT, CONTRACT
from tests.unit.client.fake_ksef import FakeKsef

_FIRST = "login.log_in"
_BY_THE_CLIENT_ITSELF = {
    "GET /security/public-key-certificates": "security.public_keys",
    "POST /auth/token/refresh": "login.refresh_access",
    "DELETE /auth/sessions/current": "login.log_out",
}
_INDIRECTLY = {
    "login.": "test_client_login.py",
    "security.public_keys": "test_client_login.py",
    "certificate_enrollment.get_status": "test_client_credentials.py",
    "tokens.get_status": "test_client_credentials.py",
}
"""Where functions are tested that no test calls by name, as others call them."""
_FOLDER = CHECKOUT / "tests" / "system"


@dataclass(frozen=True)
class Row:
    """
    An operation and where it is found; what is missing is empty.

    :param operation: method and path without ``/v2``.
    :param client: the client's function, below ``airflow_provider_ksef.client``.
    :param emulator: the endpoint, below ``airflow_provider_ksef.emulator.routes``.
    :param test: below ``tests/system``, in which client and emulator meet.
    """

    operation: str
    client: str
    emulator: str
    test: str


def rows(contract: Contract) -> list[Row]:
    """All operations, those of newer versions than the contract's included, by path."""
    clients, endpoints = client_functions(contract), emulator_endpoints()
    names = {operation.name for operation in contract.operations} | NEWER
    return [
        Row(name, clients.get(name, ""), endpoints.get(name, ""), _test(clients.get(name, "")))
        for name in sorted(names, key=lambda name: name.partition(" ")[::-1])
    ]


@cache
def client_functions(contract: Contract) -> dict[str, str]:
    """The client's function of each operation that it calls."""
    found: dict[str, str] = dict(_BY_THE_CLIENT_ITSELF)
    for label in sorted(OPERATIONS, key=lambda label: not label.startswith(_FIRST)):
        for name in _called(contract, label):
            found.setdefault(name, label.partition(":")[0])
    return found


def emulator_endpoints() -> dict[str, str]:
    """The emulator's endpoint of each operation that it serves."""
    with TemporaryDirectory() as folder:
        emulator = Emulator(Settings(), Path(folder))
        app = make_app(emulator, Connections())
        emulator.close()
    return {
        f"{method} {route.path.removeprefix(API)}": _name(route)
        for route in app.routes
        if isinstance(route, APIRoute) and route.path.startswith(API)
        for method in route.methods
    }


def _called(contract: Contract, label: str) -> Iterator[str]:
    ksef = FakeKsef(access_seconds=0.0, replies=dict(REPLIES))
    with ksef.sync_client() as client, suppress(KsefError):
        client.run(OPERATIONS[label]())
    for request in ksef.requests:
        path = request.url.path.removeprefix(API)
        operation = contract.find(request.method, path)
        yield operation.name if operation else f"{request.method} {path}"


def _name(route: APIRoute) -> str:
    return f"{route.endpoint.__module__.rpartition('.')[2]}.{route.endpoint.__name__}"


def _test(function: str) -> str:
    """A test module in which a function of the client is run against the emulator."""
    for beginning, name in _INDIRECTLY.items():
        if function.startswith(beginning):
            return name
    return next((name for name, text in _system_tests() if function and f"{function}(" in text), "")


@cache
def _system_tests() -> list[tuple[str, str]]:
    files = sorted(_FOLDER.glob("test_*.py"), key=lambda file: not file.name.startswith("test_client"))
    return [(file.name, file.read_text(encoding="utf-8")) for file in files]


def _main() -> None:
    logging.disable()
    if not CONTRACT.is_file():
        sys.exit(f"the official contract is not at {CONTRACT}")
    table = [("operation", "client", "emulator", "test")]
    table += [(row.operation, row.client, row.emulator, row.test) for row in rows(read_contract(CONTRACT))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [cell or "-" for cell in line]
        print("  ".join(map(str.ljust, cells, widths)).rstrip())  # noqa: T201
    missing = sum("" in line for line in table)
    print(f"\n{len(table) - 1} operations, {missing} of them not complete")  # noqa: T201


if __name__ == "__main__":
    _main()
