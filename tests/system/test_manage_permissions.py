"""Operators that give permissions, take them away, and hold them against a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.exceptions import KsefInputError, KsefTriggererError
from airflow_provider_ksef.operators.permission_note import OPERATIONS_KEY
from tests.emulator.signing import person
from tests.emulator_process import EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.managing_ways import connect_as
from tests.system.operator_context import NotedState, context
from tests.system.permission_ways import (
    DELEGATES,
    READS,
    WRITES,
    answer_unfinished,
    asked,
    grant,
    held,
    revoke,
    sync,
)
from tests.system.permitted import OFFICE, PERSON, PESEL
from tests.system.test_triggers import event_of

ABROAD = {
    "kind": "eu_entity_administration",
    "subject_identifier": {"type": "Fingerprint", "value": "0123456789ABCDEF" * 4},
    "context_identifier": {"type": "NipVatUe", "value": "5250001210-DE123456789"},
    "description": "sells to us",
    "eu_entity_name": "Muster GmbH, Berlin",
    "subject_details": {"full_name": "Muster GmbH", "address": "Berlin"},
    "eu_entity_details": {"full_name": "Muster GmbH", "address": "Berlin"},
}
REPRESENTATIVE = {
    "kind": "eu_entity",
    "subject_identifier": {"type": "Fingerprint", "value": "FEDCBA9876543210" * 4},
    "permissions": ["InvoiceRead", "InvoiceWrite"],
    "description": "acts for Muster",
    "subject_details": {"full_name": "Muster Service GmbH", "address": "Berlin"},
}


def test_what_is_there_is_neither_given_nor_taken_away_again(owned: EmulatorProcess) -> None:
    assert grant().execute(context()) == {"status": "granted", "granted": [READS, WRITES], "already": []}
    assert grant().execute(context()) == {"status": "already", "granted": [], "already": [READS, WRITES]}
    assert asked(owned) == 1
    only_reading = {**PERSON, "permissions": ["InvoiceRead"]}
    assert revoke(only_reading).execute(context()) == {"status": "revoked", "revoked": [READS], "already": []}
    assert held() == {f"InvoiceWrite {PESEL}"}
    assert revoke().execute(context()) == {"status": "revoked", "revoked": [WRITES], "already": [READS]}
    assert revoke().execute(context())["status"] == "already"
    assert held() == set()


@pytest.mark.parametrize(
    "permission",
    [
        OFFICE,
        {**PERSON, "kind": "indirect", "permissions": ["InvoiceRead"]},
        {
            "kind": "authorization",
            "subject_identifier": {"type": "Nip", "value": "1111111111"},
            "permissions": ["SelfInvoicing", "RRInvoicing"],
            "description": "buys from us",
            "subject_details": {"full_name": "Beta sp. z o.o."},
        },
        {
            **PERSON,
            "kind": "subunit",
            "permissions": None,
            "context_identifier": {"type": "InternalId", "value": "5250001210-12346"},
            "subunit_name": "Oddział w Łodzi",
        },
        ABROAD,
    ],
    ids=lambda permission: permission["kind"],
)
def test_every_kind_is_given_found_again_and_taken_away(
    owned: EmulatorProcess, permission: dict[str, Any]
) -> None:
    given = grant(permission).execute(context())
    assert (given["status"], given["already"]) == ("granted", [])
    assert grant(permission).execute(context())["status"] == "already"
    assert revoke(permission).execute(context())["revoked"] == given["granted"]
    assert revoke(permission).execute(context())["status"] == "already"


def test_a_list_is_reported_then_made_so_then_equal(owned: EmulatorProcess) -> None:
    grant().execute(context())
    wanted = [{**PERSON, "permissions": ["InvoiceRead", "Introspection"]}, OFFICE]
    report = sync(wanted, dry_run=True).execute(context())
    introspects = f"person: Introspection of Pesel {PESEL}"
    assert (report["missing"], report["surplus"]) == ([DELEGATES, introspects], [WRITES])
    assert (report["unchanged"], report["granted"], report["revoked"]) == ([READS], [], [])
    assert asked(owned) == 1
    done = sync(wanted).execute(context())
    assert (set(done["granted"]), done["revoked"]) == ({DELEGATES, introspects}, [WRITES])
    assert (done["missing"], done["surplus"]) == ([], [])
    assert held() == {f"InvoiceRead {PESEL}", f"Introspection {PESEL}", "InvoiceRead 1111111111"}
    before = asked(owned)
    again = sync(wanted).execute(context())
    assert (again["granted"], again["revoked"], asked(owned)) == ([], [], before)


def test_kinds_that_do_not_occur_are_left_alone_unless_they_are_named(owned: EmulatorProcess) -> None:
    grant(OFFICE).execute(context())
    assert sync([PERSON]).execute(context())["revoked"] == []
    assert sync([PERSON], kinds=["person", "entity"]).execute(context())["revoked"] == [DELEGATES]
    with pytest.raises(KsefInputError, match="wanted=None: is empty"):
        sync([])
    assert sync([], kinds=["person"]).execute(context())["revoked"] == [READS, WRITES]


def test_too_many_revocations_change_nothing(owned: EmulatorProcess) -> None:
    grant().execute(context())
    with pytest.raises(KsefInputError, match="2 permissions would be taken away"):
        sync([], kinds=["person"], max_revocations=1).execute(context())
    assert held() == {f"InvoiceRead {PESEL}", f"InvoiceWrite {PESEL}"}


def test_nobody_locks_himself_out(owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    grant({**PERSON, "permissions": ["CredentialsManage"]}).execute(context())
    connect_as(monkeypatch, owned, person(f"PNOPL-{PESEL}"))
    done = sync([], kinds=["person"]).execute(context())
    assert (done["kept"], done["revoked"]) == ([f"person: CredentialsManage of Pesel {PESEL}"], [])


def test_a_representative_is_appointed_in_a_composite_context_beside_its_administrator(
    owned: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = person("IDCDE-1")
    appoint = {
        **ABROAD,
        "subject_identifier": {"type": "Fingerprint", "value": administrator.fingerprint},
    }
    grant(appoint).execute(context())
    own = {"context_type": "NipVatUe", "subject_identifier_type": "certificateFingerprint"}
    connect_as(monkeypatch, owned, administrator, "5250001210-DE123456789", **own)
    given = grant(REPRESENTATIVE).execute(context())
    assert (given["status"], len(given["granted"])) == ("granted", 2)
    told = sync([], kinds=["eu_entity"], dry_run=True).execute(context())
    assert (told["surplus"], told["kept"]) == (given["granted"], [])
    assert revoke(REPRESENTATIVE).execute(context())["revoked"] == given["granted"]
    with pytest.raises(KsefInputError, match="kinds='person': is not given in a context of type NipVatUe"):
        sync([], kinds=["person"]).execute(context())


@pytest.mark.parametrize("kind", ["grant", "sync"])
def test_deferred_the_slot_is_free_and_nothing_is_asked_for_twice(owned: EmulatorProcess, kind: str) -> None:
    answer_unfinished(owned)
    task = grant(deferrable=True) if kind == "grant" else sync([PERSON], deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context())
    trigger: Any = deferred.value.trigger
    event = event_of(trigger)
    assert event["code"] == 200
    assert task.execute_complete(context(), event)["granted"] == [READS, WRITES]
    assert asked(owned) == 1


def test_a_triggerer_that_cannot_ask_ksef_stops_the_task_and_the_next_try_goes_on(
    owned: EmulatorProcess,
) -> None:
    owned.control("faults", kind="permission-status", code=100)
    task, state = grant(deferrable=True), NotedState()
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context(state))
    trigger: Any = deferred.value.trigger
    event = {
        "reference_number": trigger.reference_number,
        "code": None,
        "error": "no connection",
        "resume": trigger.resume,
    }
    with pytest.raises(KsefTriggererError, match="no connection"):
        task.execute_complete(context(state), event)
    assert state[OPERATIONS_KEY] == [trigger.reference_number]
    assert asked(owned) == 1


def test_what_is_plain_is_checked_when_the_dag_is_parsed() -> None:
    wrong = {**PERSON, "subject_identifier": {"type": "Pesel", "value": "30112206277"}}
    for make in (grant, revoke):
        with pytest.raises(KsefInputError, match="wrong checksum"):
            make(wrong)
    for wrong in ({**PERSON, "description": "four"}, {**PERSON, "permissions": ["Read"]}):
        with pytest.raises(KsefInputError, match=r"permission\.(description|permissions)="):
            grant(wrong)
        with pytest.raises(KsefInputError, match=r"wanted\[1\]\.(description|permissions)="):
            sync([PERSON, wrong])
    with pytest.raises(KsefInputError, match="kinds='people'"):
        sync([PERSON], kinds=["people"])
    with pytest.raises(KsefInputError, match="kinds='person': is no list"):
        sync([PERSON], kinds="person")
    with pytest.raises(KsefInputError, match="wanted='dict': is no list"):
        sync(PERSON)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("permissions.json", r"wanted='permissions\.json'.* ends in \.yaml"),
        ("- kind: [", "wanted=None: is no YAML"),
        ("kind: person", "wanted='dict'"),
    ],
)
def test_a_text_that_holds_no_list_is_told_before_ksef_is_asked(
    owned: EmulatorProcess, text: str, told: str
) -> None:
    with pytest.raises(KsefInputError, match=told):
        sync(text).execute(context())
    assert owned.requests() == {}


def test_the_example_reports_and_changes_only_when_it_is_told_to(
    owned: EmulatorProcess, tmp_path: Path
) -> None:
    dag_id = "example_ksef_permissions"
    file = EXAMPLES / f"{dag_id}.py"
    run = run_dag(file, dag_id, {"apply": False})
    assert run.state == "success"
    assert len(run.xcom("report")["missing"]) == 4
    assert (asked(owned), run.xcom("apply_changes")) == (0, None)
    run = run_dag(file, dag_id, {"apply": True})
    assert len(run.xcom("apply_changes")["granted"]) == 4
    assert run_dag(file, dag_id, {"apply": True}).xcom("report")["missing"] == []


def test_deferred_tasks_of_a_dag_come_to_their_end(slowly_owned: EmulatorProcess) -> None:
    run = run_dag(EXAMPLES / "ksef_managing.py", "ksef_managing", {})
    assert run.state == "success"
    assert run.xcom("grant")["granted"] == [READS, WRITES]
    assert run.xcom("sync")["revoked"] == [WRITES]
    assert run.xcom("revoke")["revoked"] == [READS]
    assert held() == set()
