"""Letting a company pass a permission on, or no longer: it is not without it in between."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_ksef.client import permissions
from airflow_provider_ksef.client.permission_entries import read_entry
from airflow_provider_ksef.exceptions import KsefOperationError
from airflow_provider_ksef.hooks.ksef import KsefHook
from tests.emulator_process import EmulatorProcess
from tests.system.operator_context import context
from tests.system.permission_ways import DELEGATES, grant, held, sync
from tests.system.permitted import OFFICE, PERSON

GRANTS = "^/permissions/entities/grants$"
PLAIN = DELEGATES.removesuffix(", to be passed on")
READING = {"InvoiceRead 1111111111"}


def changes(emulator: EmulatorProcess) -> list[str]:
    """What KSeF was asked to change, each endpoint as often as it was called."""
    return [
        name.partition(" ")[0]
        for name, count in emulator.requests().items()
        if "/permissions/" in name and "/grants" in name and "/query/" not in name
        for _ in range(count)
    ]


@pytest.fixture
def serving(owned: EmulatorProcess) -> EmulatorProcess:
    """An office that may read, and may pass that on."""
    grant(OFFICE).execute(context())
    return owned


def wanted(*, can_delegate: bool) -> list[dict[str, Any]]:
    return [{**OFFICE, "permissions": [{"type": "InvoiceRead", "can_delegate": can_delegate}]}]


def test_ksef_that_changes_what_is_there_is_asked_once(serving: EmulatorProcess) -> None:
    done = sync(wanted(can_delegate=False)).execute(context())
    assert (done["granted"], done["revoked"], done["missing"], done["surplus"]) == ([PLAIN], [], [], [])
    assert sync(wanted(can_delegate=True)).execute(context())["granted"] == [DELEGATES]
    assert changes(serving) == ["POST"] * 3


@pytest.mark.parametrize("how", ["operation", "answer", "silence"])
def test_ksef_that_gives_nothing_twice_is_asked_to_take_it_away_first(
    serving: EmulatorProcess, how: str
) -> None:
    match how:
        case "operation":
            serving.control("faults", kind="permission-status", code=400)
        case "answer":
            serving.control("faults", method="POST", path=GRANTS, status=400, body=refusal())
        case "silence":  # another operation, which has succeeded, stands for one that changed nothing
            body = {"referenceNumber": other_operation()}
            serving.control("faults", method="POST", path=GRANTS, status=202, body=body)
    done = sync(wanted(can_delegate=False)).execute(context())
    assert (done["granted"], done["revoked"], done["missing"]) == ([PLAIN], [DELEGATES], [])
    assert {each for each in held() if "1111111111" in each} == READING


def other_operation() -> str:
    with KsefHook().get_conn() as ksef:
        (request,) = read_entry("permission", PERSON, ksef.settings.context).requests
        reference = ksef.run(permissions.grant(request, ksef.settings.context))
        ksef.run(permissions.wait_for_operation(reference))
    return reference


def refusal() -> dict[str, Any]:
    detail = {"exceptionCode": 21405, "exceptionDescription": "Błąd walidacji.", "details": ["Już nadano."]}
    return {"exception": {"exceptionDetailList": [detail]}}


def test_what_ksef_refuses_for_another_reason_takes_nothing_away(serving: EmulatorProcess) -> None:
    serving.control("faults", kind="permission-status", code=420)
    with pytest.raises(KsefOperationError, match="420"):
        sync(wanted(can_delegate=False)).execute(context())
    assert held() == READING
    assert changes(serving) == ["POST"] * 2
