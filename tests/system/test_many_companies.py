"""One DAG for many companies: each has its own name, watermark and fate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_provider_ksef.client import KsefClient, test_data
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.tables import read
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, Run, run_dag
from tests.system.client_ways import settings_of
from tests.system.conftest import HWM_LAG, sample_invoices
from tests.unit.client.certificate_samples import SEAL, certificate_of, key_of, key_pem, pem

OTHER, STRANGER = "5265877635", "7980332920"


def fates(run: Run, task_id: str) -> dict[str, str]:
    """How each of a task's mapped instances ended, by the name that the grid shows."""
    with create_session() as session:
        query = select(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id)
        return {str(ti.rendered_map_index): str(ti.state) for ti in session.scalars(query)}


def watermarks(tables: Path) -> set[str]:
    return {file.parent.name for file in tables.glob("_ksef/watermark/*/*.json")}


def numbers(tables: Path, nip: str) -> list[str]:
    rows = read("invoices", tables, ["ksef_number"], filters=[("context", "=", f"nip-{nip}")])
    return sorted(rows.column("ksef_number").to_pylist())


@pytest.fixture
def office(connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> EmulatorProcess:
    """A certificate of one company that may read another one's invoices, and nothing of a third one's."""
    key = key_of("secp256r1")
    extra = {"certificate": pem(certificate_of(key, SEAL)), "private_key": key_pem(key)}
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", connected.connection(password="", extra=extra))
    settings = settings_of(connected)
    with KsefClient(settings) as ksef:
        who = SubjectIdentifier("Nip", NIP)
        ksef.run(test_data.grant_permissions(settings.environment, OTHER, who, ["InvoiceRead"], "biuro"))
    return connected


def seed_for(emulator: EmulatorProcess, nip: str, count: int) -> None:
    now = datetime.now(UTC)
    times = {"from": (now - timedelta(days=5)).isoformat(), "to": (now - timedelta(hours=1)).isoformat()}
    emulator.control("seed", nip=nip, subjectType="Subject2", count=count, seed=count, **times)


def test_one_certificate_serves_many_companies_and_one_failure_stops_no_other(
    office: EmulatorProcess, tmp_path: Path
) -> None:
    seed_for(office, NIP, 7)
    seed_for(office, OTHER, 5)
    dag_id = "example_ksef_many_companies"
    conf = {"nips": [NIP, STRANGER, OTHER], "tables_path": str(tmp_path), "sync_from": "2026-02-01"}
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf)
    assert run.state == "failed"
    assert fates(run, "sync") == {NIP: "success", OTHER: "success", STRANGER: "failed"}
    assert watermarks(tmp_path) == {f"nip-{NIP}", f"nip-{OTHER}"}
    for nip in (NIP, OTHER):
        assert numbers(tmp_path, nip) == sorted(office.ksef_numbers(nip))


def test_a_connection_for_each_company_and_one_failure_stops_no_other(
    connected: EmulatorProcess,
    emulators: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    token = TOKEN.replace(NIP, OTHER)
    other = emulators("--hwm-lag", str(HWM_LAG), "--delay", "0.3", nip=OTHER, token=token)
    connections = {
        "alfa": connected.connection(),
        "beta": other.connection(login=OTHER, password=token),
        "gone": connected.connection(password="20260901-EC-wrong"),
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_KSEF_{name.upper()}", connection)
        sample_invoices(tmp_path / f"ksef_{name}", count=2)
    seed_for(connected, NIP, 6)
    seed_for(other, OTHER, 4)
    run = run_dag(EXAMPLES / "ksef_many_connections.py", "ksef_many_connections", {"folder": str(tmp_path)})
    assert fates(run, "sync") == {"ksef_alfa": "success", "ksef_beta": "success", "ksef_gone": "failed"}
    assert watermarks(tmp_path / "tables") == {f"nip-{NIP}", f"nip-{OTHER}"}
    for emulator, nip in ((connected, NIP), (other, OTHER)):
        assert numbers(tmp_path / "tables", nip) == sorted(emulator.ksef_numbers(nip))
    assert fates(run, "submit")["ksef_alfa"] == "success"
    assert fates(run, "submit")["ksef_gone"] == "failed"


def test_a_token_of_another_company_is_told_before_anything_is_sent(connected: EmulatorProcess) -> None:
    with pytest.raises(
        KsefInputError, match=rf"context_identifier='{OTHER}'.*is of {NIP} and works nowhere else"
    ):
        KsefHook(context_identifier=OTHER).get_conn()
    assert connected.requests() == {}
