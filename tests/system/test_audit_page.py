"""The auditors' page: its answers, run as they stand there, against what the emulator lets people do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_ksef.client import (
    KsefClient,
    online,
    permission_queries,
    permissions,
    test_data,
    tokens,
)
from airflow_provider_ksef.client.credentials import TokenCredential
from airflow_provider_ksef.client.permission_details import EuEntityDetails, PersonById
from airflow_provider_ksef.client.permission_filters import PersonPermissionsQueryRequest
from airflow_provider_ksef.client.permission_grants import (
    EntityAuthorizationPermissionsGrantRequest,
    EntityPermission,
    EntityPermissionsGrantRequest,
    IndirectPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import EuEntityAdministrationPermissionsGrantRequest
from airflow_provider_ksef.client.permission_identifiers import (
    EntityIdentifier,
    PlaceIdentifier,
    TargetIdentifier,
)
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefApiError, KsefLoginError
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from tests.contract.permission_calls import ABROAD, BETA, BY_ID, HOLDER, OFFICE, TEXT, WORKER
from tests.contract.permission_calls import SEAL as ABROAD_SEAL
from tests.emulator.signing import person, seal
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.audit_ways import days_ago, do
from tests.system.certificate_ways import client_of
from tests.system.client_ways import new_key
from tests.system.operator_context import context
from tests.unit.docs.pages import TABLES_PATH, sections_of

(QUESTIONS,) = (section for section in sections_of("audit") if section.title == "Questions")
PAGES_DAY = "2026-12-31"
TODAY = datetime.now(UTC).date()

READER, LEAVER, FOR_CLIENTS = (
    SubjectIdentifier("Pesel", each) for each in ("44051401359", "02070803628", "90090515836")
)
BUYER, CLIENT, GROUP = "7980332920", "5260250274", "1234563218"
PERSONS = {each.value: person(f"PNOPL-{each.value}") for each in (WORKER, READER, LEAVER, FOR_CLIENTS)}
COMPANIES = {each: seal(f"VATPL-{each}") for each in (OFFICE.value, BUYER, CLIENT)}


def take_snapshot(root: Path) -> None:
    KsefAuditToParquetOperator(task_id="snapshot", tables_path=str(root)).execute(context())


def may_send(settings: Any) -> bool:
    """Whether the emulator lets somebody open a session to send invoices."""
    try:
        with KsefClient(settings) as ksef:
            ksef.run(online.open_session("FA (3)", new_key()))
    except (KsefApiError, KsefLoginError):
        return False
    return True


def who_may_send(emulator: EmulatorProcess) -> set[str]:
    """Of all the people and companies there are, those who may send in the company's context."""
    found = set()
    for name, signer in {**PERSONS, **COMPANIES}.items():
        with client_of(emulator, signer) as ksef:
            settings = ksef.settings
        if may_send(settings):
            found.add(name)
    return found


def answer(root: Path, day: date) -> list[dict[str, Any]]:
    (sql,) = QUESTIONS.fences("sql")
    with duckdb.connect() as connection:
        statements = sql.replace(TABLES_PATH, str(root)).replace(PAGES_DAY, str(day))
        found = connection.execute(statements)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def by_way(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    ways: dict[str, set[str]] = {}
    for row in rows:
        ways.setdefault(row["how"], set()).add(row["who"])
    return ways


def told_tokens(rows: list[dict[str, Any]]) -> set[str]:
    """Give the tokens but the one that the emulator begins with."""
    names = {row["name"] for row in rows if row["how"] == "tokens"}
    return {name for name in names if TOKEN.partition("|")[0] not in name}


def test_the_page_tells_who_could_issue_invoices_at_a_day(owned: EmulatorProcess, tmp_path: Path) -> None:
    with client_of(owned) as owner, client_of(owned, COMPANIES[CLIENT], CLIENT) as client:
        environment = owner.settings.environment
        for who in (WORKER, LEAVER):
            do(owner, PersonPermissionsGrantRequest(who, ["InvoiceWrite", "InvoiceRead"], TEXT, BY_ID))
        do(owner, PersonPermissionsGrantRequest(READER, ["InvoiceRead"], TEXT, BY_ID))
        ours = EntityPermission("InvoiceWrite", can_delegate=True)
        do(owner, EntityPermissionsGrantRequest(OFFICE, [ours], TEXT, BETA))
        do(client, EntityPermissionsGrantRequest(SubjectIdentifier("Nip", NIP), [ours], TEXT, BETA))
        target = TargetIdentifier("Nip", CLIENT)
        do(owner, IndirectPermissionsGrantRequest(FOR_CLIENTS, ["InvoiceWrite"], TEXT, BY_ID, target))
        for ksef, who in ((owner, BUYER), (client, NIP)):
            authorized = EntityIdentifier("Nip", who)
            do(ksef, EntityAuthorizationPermissionsGrantRequest(authorized, "SelfInvoicing", TEXT, BETA))
        do(
            owner,
            EuEntityAdministrationPermissionsGrantRequest(
                HOLDER,
                PlaceIdentifier("NipVatUe", ABROAD),
                TEXT,
                "Muster GmbH, Berlin",
                ABROAD_SEAL,
                EuEntityDetails("Muster GmbH", "Berlin"),
            ),
        )
        members = [test_data.Subunit(NIP, "członek grupy")]
        owner.run(test_data.create_subject(environment, GROUP, "VatGroup", TEXT, subunits=members))
        may, may_not, revoked = (
            owner.run(tokens.generate([permission], name))
            for permission, name in (
                ("InvoiceWrite", "sends"),
                ("InvoiceRead", "reads"),
                ("InvoiceWrite", "was stolen"),
            )
        )
        with days_ago(7):
            take_snapshot(tmp_path)
        could_send = who_may_send(owned)

        query = PersonPermissionsQueryRequest(authorized_identifier=LEAVER)
        for each in owner.run(permission_queries.query_persons_grants(query)):
            owner.run(permissions.wait_for_operation(owner.run(permissions.revoke_common(each.id))))
        owner.run(tokens.revoke(revoked.reference_number))
        owner.run(tokens.wait_until_settled(revoked.reference_number))
        take_snapshot(tmp_path)
        can_send = who_may_send(owned)
        of_token = {
            each.reference_number: may_send(replace(owner.settings, credential=TokenCredential(each.token)))
            for each in (may, may_not, revoked)
        }

    then, now = answer(tmp_path, TODAY - timedelta(days=1)), answer(tmp_path, TODAY + timedelta(days=30))
    assert could_send == {WORKER.value, LEAVER.value, OFFICE.value}
    assert by_way(then)["persons"] == could_send
    assert by_way(now) == {
        "persons": can_send,
        "authorizations_granted": {BUYER},
        "eu_entities": {HOLDER.value},
        "entities_roles": {GROUP},
        "tokens": {NIP},
    }
    assert of_token == {
        may.reference_number: True,
        may_not.reference_number: False,
        revoked.reference_number: False,
    }
    sending, gone = (
        f"{each.reference_number} {name}" for each, name in ((may, "sends"), (revoked, "was stolen"))
    )
    of_config = TOKEN.partition("|")[0]
    told = [{row["name"] for row in rows if row["how"] == "tokens"} for rows in (then, now)]
    assert [{name for name in names if of_config not in name} for names in told] == [
        {sending, gone},
        {sending},
    ]
    assert answer(tmp_path, TODAY - timedelta(days=8)) == []


def test_the_page_tells_what_is_unused_and_what_changed(
    owned: EmulatorProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with client_of(owned) as owner:
        unused = owner.run(tokens.generate(["InvoiceRead"], "forgotten"))
        owner.run(tokens.wait_until_settled(unused.reference_number))
        with days_ago(7):
            take_snapshot(tmp_path)
        do(owner, PersonPermissionsGrantRequest(WORKER, ["InvoiceWrite"], TEXT, PersonById("Anna", "Abacka")))
        take_snapshot(tmp_path)
    names: dict[str, Any] = {}
    for code in QUESTIONS.fences("python"):
        lines = code.replace(TABLES_PATH, str(tmp_path)).replace("days=180", "days=0")
        exec(lines.replace("date(2026, 12, 31)", "date.max"), names)
    assert unused.reference_number in set(names["unused"]["reference_number"])
    (change,) = names["changes"]
    assert (change.kind, change.after["authorized_identifier"]) == ("added", WORKER.value)
    assert names["report"].changes == (change,)
    assert capsys.readouterr().out.count(f"permissions added: InvoiceWrite for Pesel {WORKER.value}") == 2
