"""Tasks that were killed, or got no answer: nothing is given or taken away twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_ksef.client import KsefClient, permission_queries, permissions
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.permission_entries import read_entry
from airflow_provider_ksef.client.permission_filters import PersonPermissionsQueryRequest
from airflow_provider_ksef.exceptions import KsefApiError, KsefTimeoutError, KsefTransportError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators import permission_changes, permission_note
from airflow_provider_ksef.operators.permission_note import OPERATIONS_KEY, REQUEST_KEY
from tests.emulator_process import EmulatorProcess
from tests.system.operator_context import NotedState, context
from tests.system.permission_ways import READS, WRITES, asked, grant, held, revoke, sync, to_its_end
from tests.system.permitted import PERSON, PESEL

GRANTS, REVOCATIONS = "^/permissions/persons/grants$", "^/permissions/common/grants/[^/]+$"
ONLY_READING = PersonPermissionsQueryRequest(permission_types=["InvoiceRead"])


def test_a_killed_try_is_waited_for_and_not_repeated(slowly_owned: EmulatorProcess) -> None:
    with KsefHook().get_conn() as ksef:
        reference = ksef.run(give(ksef))
    state = NotedState({OPERATIONS_KEY: [reference]})
    assert grant().execute(context(state))["status"] == "already"
    assert asked(slowly_owned) == 1
    assert any("/permissions/operations/" in name for name in slowly_owned.requests())
    assert state == {}


def lose_answer(emulator: EmulatorProcess, task: Any, method: str, path: str) -> NotedState:
    """Let KSeF take a task's request and not carry it out yet; give the task's note."""
    emulator.control("faults", kind="permission-status", code=100)
    emulator.control("faults", method=method, path=path, times=1, drop="after")
    state = NotedState()
    with pytest.raises(KsefTransportError):
        task.execute(context(state))
    assert set(state) == {REQUEST_KEY}
    return state


def carry_out_late(monkeypatch: pytest.MonkeyPatch, work: Callable[[KsefClient], Call[str]]) -> None:
    """Let KSeF do its work when the task has looked once and waits."""

    def pause(seconds: float) -> None:
        time.sleep(seconds)
        with KsefHook().get_conn() as ksef:
            ksef.run(permissions.wait_for_operation(ksef.run(work(ksef))))

    monkeypatch.setattr(permission_changes, "time", SimpleNamespace(time=time.time, sleep=pause))


def give(ksef: KsefClient) -> Call[str]:
    (request,) = read_entry("permission", PERSON, ksef.settings.context).requests
    return permissions.grant(request, ksef.settings.context)


def take(ksef: KsefClient) -> Call[str]:
    (found,) = ksef.run(permission_queries.query_persons_grants(ONLY_READING))
    return permissions.revoke_common(found.id)


@pytest.mark.parametrize("way", ["grant", "sync"])
def test_a_grant_without_an_answer_is_waited_for_and_not_repeated(
    owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    task = grant() if way == "grant" else sync([PERSON])
    state = lose_answer(owned, task, "POST", GRANTS)
    assert held() == set()
    carry_out_late(monkeypatch, give)
    assert task.execute(context(state))["granted"] == []
    assert held() == {f"InvoiceRead {PESEL}", f"InvoiceWrite {PESEL}"}
    assert (asked(owned), state) == (2, {})  # the lost request and the late work itself


def test_a_revocation_without_an_answer_is_waited_for_and_not_repeated(
    owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant().execute(context())
    only_reading = {**PERSON, "permissions": ["InvoiceRead"]}
    state = lose_answer(owned, revoke(only_reading), "DELETE", REVOCATIONS)
    carry_out_late(monkeypatch, take)
    assert revoke(only_reading).execute(context(state))["status"] == "already"
    assert held() == {f"InvoiceWrite {PESEL}"}
    assert (asked(owned), state) == (3, {})


def test_what_never_arrived_is_asked_for_after_a_while(
    owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permission_note, "SETTLING_SECONDS", 1.0)
    owned.control("faults", method="POST", path=GRANTS, times=1, drop="before")
    state = NotedState()
    with pytest.raises(KsefTransportError):
        grant().execute(context(state))
    assert grant().execute(context(state))["granted"] == [READS, WRITES]
    assert (asked(owned), state) == (2, {})


def test_what_ksef_has_refused_at_once_is_not_waited_for(owned: EmulatorProcess) -> None:
    owned.control("faults", method="POST", path=GRANTS, times=1, status=403, body={})
    state = NotedState()
    with pytest.raises(KsefApiError):
        grant().execute(context(state))
    assert state == {}


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_change_that_hangs_ends_at_the_timeout_and_is_waited_for_by_the_next_try(
    owned: EmulatorProcess, deferrable: bool
) -> None:
    owned.control("faults", kind="permission-status", code=100)
    state = NotedState()
    task = grant(timeout=1, deferrable=deferrable)
    with pytest.raises(KsefTimeoutError, match=r"operation \S+ within 1 s\. Run the task again, or give it"):
        to_its_end(task, context(state))
    (reference,) = state[OPERATIONS_KEY]
    with pytest.raises(KsefTimeoutError, match=reference):
        to_its_end(task, context(state))
    assert asked(owned) == 1
