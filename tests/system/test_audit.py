"""Snapshots for an auditor, taken from the emulator and compared."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_ksef.client import (
    KsefClient,
    certificate_enrollment,
    limit_overrides,
    login_sessions,
    permission_queries,
    permissions,
    retries,
    test_data,
    tokens,
)
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.limit_overrides import RATE_LIMIT_GROUPS
from airflow_provider_ksef.client.limits import RateLimit
from airflow_provider_ksef.client.permission_details import EuEntityDetails
from airflow_provider_ksef.client.permission_filters import PersonPermissionsQueryRequest
from airflow_provider_ksef.client.permission_grants import (
    EntityAuthorizationPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import (
    EuEntityAdministrationPermissionsGrantRequest,
    SubunitPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_identifiers import EntityIdentifier, PlaceIdentifier
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.client.told_answers import told_answers
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefInputError,
    KsefTableError,
    KsefTimeoutError,
    KsefTriggererError,
)
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.audit_sentences import moment
from airflow_provider_ksef.tables.audit_snapshots import keep_snapshot
from airflow_provider_ksef.transfers.audit_sources import AUDITED, read_audited
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from tests.contract.permission_calls import ABROAD, BETA, BY_ID, OFFICE, TEXT, UNIT, WORKER
from tests.contract.permission_calls import SEAL as ABROAD_SEAL
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.audit_ways import days_ago, do
from tests.system.certificate_ways import client_of
from tests.system.operator_context import context
from tests.system.secret_search import assert_none, token_spellings

CONTEXT = f"nip-{NIP}"


def operator(root: Path, **more: Any) -> KsefAuditToParquetOperator:
    return KsefAuditToParquetOperator(**{"task_id": "snapshot", "tables_path": str(root), **more})


def test_the_audit_example_tells_what_changed_since_the_last_snapshot_and_what_expires(
    owned: EmulatorProcess,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with client_of(owned) as owner:
        do(owner, PersonPermissionsGrantRequest(WORKER, ["InvoiceRead"], TEXT, BY_ID))
        made = owner.run(tokens.generate(["InvoiceRead"], "for the sync"))
        with days_ago(7):
            before = operator(tmp_path).execute(context())
        (held,) = owner.run(permission_queries.query_persons_grants(PersonPermissionsQueryRequest()))
        owner.run(permissions.wait_for_operation(owner.run(permissions.revoke_common(held.id))))
        buyer = EntityIdentifier("Nip", OFFICE.value)
        do(owner, EntityAuthorizationPermissionsGrantRequest(buyer, "SelfInvoicing", TEXT, BETA))
        owner.run(tokens.revoke(made.reference_number))
        owner.run(tokens.wait_until_settled(made.reference_number))
        issued = owner.run(certificate_enrollment.obtain("Sync 2026", "Authentication"))
        serial = issued.certificate.certificate_serial_number
        soon = datetime.now(UTC) + timedelta(days=30)
        owner.run(test_data.update_certificate(owner.settings.environment, serial, soon))

    counts = before["rows"]
    assert (before["context"], counts["permissions"], counts["certificates"]) == (CONTEXT, 2, 0)
    dag_id = "example_ksef_audit"
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, {"tables_path": str(tmp_path)})
    assert run.state == "success"
    assert run.xcom("report") == {"changes": 4, "expiring": 1}
    for told in (
        f"compared with {before['snapshot_date']}: 2 changes",
        f"permissions removed: InvoiceRead for {WORKER.type} {WORKER.value}",
        f"permissions added: SelfInvoicing for Nip {OFFICE.value}",
        f"tokens changed: {made.reference_number} (for the sync) of Nip {NIP}, may InvoiceRead: status",
        f"certificates added: {serial} Sync 2026 (Authentication)",
        f"certificates: {serial} Sync 2026 (Authentication) expires, {moment(soon)}",
    ):
        assert told in caplog.text
    assert read("permissions", tmp_path).num_rows == 4
    told_all = "".join(str(read(table, tmp_path).to_pylist()) for table in AUDITED) + caplog.text
    assert_none(token_spellings(made.token), "the tables or the log", told_all.encode())


def test_a_snapshot_holds_what_ksef_tells_and_a_run_on_the_same_day_takes_its_place(
    owned: EmulatorProcess, tmp_path: Path
) -> None:
    first = operator(tmp_path).execute(context())
    with client_of(owned) as owner:
        made = owner.run(tokens.generate(["InvoiceRead"], "for the sync"))
        again = operator(tmp_path).execute(context())
        told = owner.run(told_answers(tokens.query()))
        logins = owner.run(login_sessions.query())
    assert again["rows"]["tokens"] == first["rows"]["tokens"] + 1 == len(told[0]["tokens"])
    assert made.reference_number in read("tokens", tmp_path)["reference_number"].to_pylist()
    current = read("login_sessions", tmp_path, filters=[("is_current", "=", True)]).num_rows
    assert (current, again["rows"]["login_sessions"]) == (1, len(logins) + 1)
    limits = read("limits", tmp_path, filters=[("name", "=", "invoiceSend.perHour")]).to_pylist()
    assert [(row["source"], row["context"]) for row in limits] == [("rate", CONTEXT)]
    for table in AUDITED:
        assert len(list((tmp_path / table).rglob("*.parquet"))) == 1


def test_nothing_is_written_before_all_is_read(owned: EmulatorProcess, tmp_path: Path) -> None:
    owned.control("faults", method="GET", path="/v2/auth/sessions", times=1, status=403, body={"status": 403})
    with pytest.raises(KsefApiError):
        operator(tmp_path).execute(context())
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_composite_context_has_its_own_list(connected: EmulatorProcess, tmp_path: Path) -> None:
    administrator = person("IDCDE-1")
    with client_of(connected) as owner:
        do(
            owner,
            EuEntityAdministrationPermissionsGrantRequest(
                SubjectIdentifier("Fingerprint", administrator.fingerprint),
                PlaceIdentifier("NipVatUe", ABROAD),
                TEXT,
                "Muster GmbH, Berlin",
                ABROAD_SEAL,
                EuEntityDetails("Muster GmbH", "Berlin"),
            ),
        )
        credential = read_certificate(
            administrator.pem.decode(),
            administrator.key_pem.decode(),
            subject_identifier_type="certificateFingerprint",
        )
        settings = replace(
            owner.settings, context=ContextIdentifier("NipVatUe", ABROAD), credential=credential
        )
    with KsefClient(settings) as abroad:
        told, *_ = [abroad.run(read_audited(table, "NipVatUe")) for table in AUDITED]
    assert {item["authorizedFingerprintIdentifier"] for item in told["eu_entities"]} == {
        administrator.fingerprint
    }


def test_a_part_of_a_company_has_one_list(connected: EmulatorProcess) -> None:
    administrator, place = person(f"PNOPL-{WORKER.value}"), PlaceIdentifier("InternalId", UNIT)
    with client_of(connected) as owner:
        do(owner, SubunitPermissionsGrantRequest(WORKER, place, TEXT, BY_ID, "Oddział"))
        credential = read_certificate(administrator.pem.decode(), administrator.key_pem.decode())
        settings = replace(
            owner.settings, context=ContextIdentifier("InternalId", UNIT), credential=credential
        )
        (below,) = owner.run(read_audited("permissions", "Nip"))["subunits"]
    with KsefClient(settings) as part:
        told, *_ = [part.run(read_audited(table, "InternalId")) for table in AUDITED]
    assert list(told) == ["persons"]
    assert below["subunitIdentifier"] == {"type": "InternalId", "value": UNIT}


def test_a_peppol_provider_has_what_it_was_given(connected: EmulatorProcess) -> None:
    provider = seal("PPL123456", "PPL123456")
    credential = read_certificate(provider.pem.decode(), provider.key_pem.decode())
    with client_of(connected) as owner:
        context = ContextIdentifier("PeppolId", "PPL123456")
        settings = replace(owner.settings, context=context, credential=credential)
        with KsefClient(settings) as itself:
            itself.log_in()
        given = EntityIdentifier("PeppolId", context.value)
        do(owner, EntityAuthorizationPermissionsGrantRequest(given, "PefInvoicing", TEXT, BETA))
    with KsefClient(settings) as itself:
        told, *_ = [itself.run(read_audited(table, context.type)) for table in AUDITED]
    (received,) = told["authorizations_received"]
    assert received["authorizingEntityIdentifier"] == {"type": "Nip", "value": NIP}


def test_a_token_takes_a_snapshot_and_one_that_may_not_is_told_why(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator(tmp_path).execute(context())["rows"]["tokens"] == 1
    with client_of(connected) as owner:
        made = owner.run(tokens.generate(["InvoiceRead"], "for reading"))
        owner.run(tokens.wait_until_settled(made.reference_number))
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(password=made.token))
    with pytest.raises(KsefApiError, match="CredentialsRead"):
        operator(tmp_path).execute(context())
    rows = operator(tmp_path, tables=[table for table in AUDITED if table != "permissions"])
    assert rows.execute(context())["rows"]["tokens"] == 1


def test_what_is_wrong_is_told_before_ksef_is_asked(connected: EmulatorProcess, tmp_path: Path) -> None:
    for tables in ([], None, 5, "tokens", ["invoices"], [["tokens"]]):
        with pytest.raises(KsefInputError, match="is not a list of audit tables"):
            operator(tmp_path, tables=tables)
    for timeout in ("4 h", -1, float("inf")):
        with pytest.raises(KsefInputError, match="timeout="):
            operator(tmp_path, timeout=timeout)
    for field, wrong in (
        ("tables", {"tokens"}),
        ("tables_path", None),
        ("tables_path", ""),
        ("tables_path", 5),
    ):
        with pytest.raises(KsefInputError, match=f"{field}="):
            operator(tmp_path, **{field: wrong}).execute(context())
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(KsefInputError, match="holds something else"):
        operator(tmp_path).execute(context())
    other = tmp_path / "other"
    keep_snapshot(UPath(other), CONTEXT, "tokens", {}, taken_at=datetime.now(UTC), environment="production")
    with pytest.raises(KsefTableError, match="'production'"):
        operator(other).execute(context())
    assert connected.requests() == {}


@pytest.fixture
def long_list(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """KSeF takes one call a second, a task leaves its slot for less, and the tokens fill three pages."""
    with client_of(connected) as owner:
        for number in range(20):
            owner.run(tokens.generate(["InvoiceRead"], f"token {number}"))
        narrow = dict.fromkeys(RATE_LIMIT_GROUPS, RateLimit(1, 60, 200))
        owner.run(limit_overrides.set_rate_limits(owner.settings.environment, narrow))
    monkeypatch.setattr(tokens, "_PAGE_SIZE", 10)
    monkeypatch.setattr(retries, "LONGEST_WAIT", 0.1)
    return connected


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_list_with_more_pages_than_the_limits_allow_is_read_to_its_end(
    long_list: EmulatorProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture, deferrable: bool
) -> None:
    task = operator(tmp_path, tables=["tokens"], deferrable=deferrable)
    assert task.execute(context())["rows"] == {"tokens": 21}
    assert long_list.requests()["GET /tokens"] > 3
    assert "waits in its slot" in caplog.text


def test_a_list_that_would_take_too_long_is_told(long_list: EmulatorProcess, tmp_path: Path) -> None:
    task = operator(tmp_path, tables=["tokens"], deferrable=False, timeout=0.5)
    with pytest.raises(KsefTimeoutError, match="no time to read a long list"):
        task.execute(context())
    assert not list(tmp_path.rglob("*.parquet"))
    del long_list


def test_a_wait_for_limits_ends_and_believes_no_stranger(tmp_path: Path) -> None:
    task = operator(tmp_path)
    late = {"reference_number": "", "code": None, "error": None, "resume": {"deadline": 1.0}}
    with pytest.raises(KsefTimeoutError, match="left no time"):
        task.execute_complete(context(), late)
    with pytest.raises(KsefTriggererError):
        task.execute_complete(context(), {**late, "reference_number": "20261123-AU-1"})
