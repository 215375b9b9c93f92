"""Everything that manages a company, done once by tasks that wait in the triggerer."""

from __future__ import annotations

import pytest

from airflow_provider_ksef.tables import read
from tests.scheduler.begun_early import BegunEarly
from tests.scheduler.managed import NAME, OFFICE, check_certificate, check_token
from tests.scheduler.whole_airflow import WholeAirflow

pytestmark = pytest.mark.system

RUN_SECONDS = 240
WAITS = {
    *((task_id, "KsefOperationTrigger") for task_id in ("grant", "sync", "revoke")),
    *((task_id, "KsefTokenTrigger") for task_id in ("token", "new_token", "revoke_token")),
    *((task_id, "KsefEnrollmentTrigger") for task_id in ("certificate", "rotate", "offline")),
}
STATUSES = {
    "grant": "granted",
    "revoke": "revoked",
    "token": "generated",
    "revoke_token": "revoked",
    "new_token": "generated",
    "certificate": "enrolled",
    "rotate": "rotated",
    "offline": "enrolled",
    "revoke_offline": "revoked",
    "collect": "generated",
}


def test_permissions_credentials_and_the_audit_are_as_ksef_has_them(
    airflow: WholeAirflow, begun_early: BegunEarly
) -> None:
    run, emulator, tables = (
        begun_early.managed.run,
        begun_early.managed.emulator,
        begun_early.managed.folder,
    )
    airflow.wait([run], RUN_SECONDS)
    assert set(airflow.tries(run).values()) == {("success", 1)}
    assert begun_early.waits.of(run) >= WAITS
    told = {task_id: airflow.result(run, task_id) for task_id in STATUSES}
    assert {task_id: each["status"] for task_id, each in told.items()} == STATUSES
    assert emulator.permissions() == {(OFFICE, "InvoiceRead", True)}
    check_token(airflow, emulator, airflow.sinks / "managed_token")
    check_certificate(airflow, emulator, airflow.sinks / "managed_pem")
    assert emulator.active_certificates("Offline 2026") == []
    (ending,) = airflow.result(run, "certificate_ends")["expiring"]
    assert ending["certificate_serial_number"] == told["certificate"]["certificate_serial_number"]
    (old,) = airflow.result(run, "token_ends")["expiring"]
    assert old["token_reference_number"] == told["revoke_token"]["token_reference_number"]

    (held,) = read("permissions", tables, filters=[("source", "=", "persons")]).to_pylist()
    assert (held["authorized_identifier"], held["permission_scope"]) == ("1111111111", "InvoiceRead")
    assert read("certificates", tables).num_rows == 3
    (current,) = [each for each in read("certificates", tables).to_pylist() if each["status"] == "Active"]
    assert (current["name"], current["certificate_serial_number"]) == (
        NAME,
        told["rotate"]["certificate_serial_number"],
    )
    statuses = {each["reference_number"]: each["status"] for each in read("tokens", tables).to_pylist()}
    assert statuses[told["token"]["token_reference_number"]] == "Revoked"
    assert statuses[told["new_token"]["token_reference_number"]] == "Active"
    assert airflow.result(run, "audit")["rows"]["limits"] == read("limits", tables).num_rows > 0
