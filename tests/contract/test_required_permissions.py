"""Each operation is refused to whoever has none of the permissions that the contract names, and only then."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.contract.openapi import Contract, Operation
from tests.emulator.entering import entered, grant
from tests.emulator.granting import enter_abroad
from tests.emulator.peer import Peer
from tests.emulator.signing import person, seal
from tests.emulator_process import EmulatorProcess

WORKER = "7980332920"
REQUIRED = "x-required-permissions"
PARAMETERS = {
    "referenceNumber": "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A",
    "invoiceReferenceNumber": "20260901-EE-1A2B3C8001-0F1E2D3C4F-01",
    "upoReferenceNumber": "20260901-EU-1A2B3C9000-0F1E2D3C50-18",
    "ksefNumber": "5250001210-20260901-0A1B2C000000-C6",
    "collectiveIdentifierNumber": "5250001210-IZ202609-0A1B2C300000-A9",
    "permissionId": "0c9a72e8-f344-457f-9c16-7c640eb60242",
}


def worker(permission: str) -> Callable[[EmulatorProcess], Peer]:
    def enter(emulator: EmulatorProcess) -> Peer:
        grant(Peer(emulator), "Nip", WORKER, permission)
        return entered(emulator, seal(f"VATPL-{WORKER}"))

    return enter


CALLERS: dict[str, tuple[set[str], Callable[[EmulatorProcess], Peer]]] = {
    **{
        permission: ({permission}, worker(permission))
        for permission in (
            "InvoiceRead",
            "InvoiceWrite",
            "Introspection",
            "CredentialsRead",
            "CredentialsManage",
            "SubunitManage",
            "EnforcementOperations",
            "CollectiveIdentifierManage",
        )
    },
    "PefInvoiceWrite": (
        {"PefInvoiceWrite"},
        lambda emulator: entered(emulator, seal("PPL123456", "PPL123456"), ("PeppolId", "PPL123456")),
    ),
    "VatUeManage and others": (
        {"VatUeManage", "InvoiceWrite", "InvoiceRead", "Introspection"},
        lambda emulator: enter_abroad(emulator, person("IDCDE-1")),
    ),
}


def is_refused(peer: Peer, operation: Operation) -> bool:
    """Whether an operation is refused for want of a permission, whatever else is wrong with the request."""
    path = re.sub(r"\{(\w+)\}", lambda found: PARAMETERS[found[1]], operation.template)
    has_body = "requestBody" in operation.declared
    answer = peer.http.request(operation.method, path, json={} if has_body else None)
    refusal = answer.json() if answer.status_code == 403 else {}
    if refusal.get("reasonCode") != "missing-permissions":
        return False
    assert set(refusal["security"]["requiredAnyOfPermissions"]) == set(operation.declared[REQUIRED]), path
    return True


@pytest.mark.parametrize("caller", CALLERS)
def test_permissions_open_what_the_contract_says(
    contract: Contract, emulator: EmulatorProcess, caller: str
) -> None:
    held, enter = CALLERS[caller]
    peer = enter(emulator)
    asked = [each for each in contract.operations if each.declared.get(REQUIRED)]
    assert len(asked) == 38
    refused = {each.name for each in asked if is_refused(peer, each)}
    assert refused == {each.name for each in asked if not held & set(each.declared[REQUIRED])}
