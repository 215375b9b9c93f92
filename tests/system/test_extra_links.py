"""The buttons on a finished task: what Airflow's API gives for them, and that no secret stands in one."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from airflow_provider_ksef.client.settings import ENVIRONMENTS
from airflow_provider_ksef.links.ksef import KsefAppLink, KsefInvoiceLink, KsefTablesLink, folder_url
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.sensors.invoice import KsefInvoiceSensor
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.airflow_runs import EXAMPLES, run_dag
from tests.system.conftest import seed, wait_for_hwm
from tests.system.operator_context import context

NO_KEY = None
REFERENCE = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"


def test_a_finished_task_leads_to_its_tables(connected: EmulatorProcess, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    seed(connected, 3, now - timedelta(days=7), now - timedelta(hours=1))
    tables = tmp_path / "the tables"
    conf = {"tables_path": str(tables), "sync_from": str(now.date() - timedelta(days=9))}
    dag_id = "example_ksef_sync_invoices"
    run = run_dag(EXAMPLES / f"{dag_id}.py", dag_id, conf)
    assert run.xcom("sync", "_link_KsefTablesLink") == tables.as_uri()


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("s3://aws_default@lake/ksef", "https://s3.console.aws.amazon.com/s3/buckets/lake?prefix=ksef/"),
        ("", ""),
        ("None", ""),
    ],
)
def test_a_folder_has_the_page_of_its_store(named: str, url: str) -> None:
    assert folder_url(named) == url


def test_an_invoice_that_was_waited_for_has_its_page(connected: EmulatorProcess) -> None:
    seed(connected, 1)
    wait_for_hwm()
    sensor = KsefInvoiceSensor(
        task_id="wait", date_from=(datetime.now(UTC) - timedelta(days=1)).isoformat(), poke_interval=300
    )
    assert KsefInvoiceLink().get_link(sensor, ti_key=NO_KEY) == ""  # type: ignore[arg-type]
    assert sensor.execute(context())["invoices"]
    link = KsefInvoiceLink().get_link(sensor, ti_key=NO_KEY)  # type: ignore[arg-type]
    assert link.startswith(ENVIRONMENTS["test"].qr_url + "/invoice/")
    digest = link.rpartition("/")[2]
    assert len(base64.urlsafe_b64decode(digest + "=")) == hashlib.sha256().digest_size


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_a_session_is_looked_for_in_the_environments_application(
    monkeypatch: pytest.MonkeyPatch, environment: object
) -> None:
    name = environment.name  # type: ignore[attr-defined]
    secret = TOKEN.replace("|", "%7C")
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", f"ksef://{NIP}:{secret}@/?environment={name}")
    operator = KsefDownloadUpoOperator(task_id="upo", session_reference_number=REFERENCE, upo_path="/x")
    link = KsefAppLink().get_link(operator, ti_key=NO_KEY)  # type: ignore[arg-type]
    assert httpx.URL(link).host == {"production": "ap.ksef.mf.gov.pl"}.get(name, f"ap-{name}.ksef.mf.gov.pl")


def test_a_company_of_an_office_has_its_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection names no company, the task does."""
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", json.dumps({"conn_type": "ksef", "password": TOKEN}))
    operator = KsefDownloadUpoOperator(
        task_id="upo", session_reference_number=REFERENCE, upo_path="/x", context_identifier=NIP
    )
    link = KsefAppLink().get_link(operator, ti_key=NO_KEY)  # type: ignore[arg-type]
    assert httpx.URL(link).host == "ap-test.ksef.mf.gov.pl"


def test_an_emulator_or_a_broken_connection_has_no_application(
    connected: EmulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = KsefDownloadUpoOperator(task_id="upo", session_reference_number=REFERENCE, upo_path="/x")
    assert KsefAppLink().get_link(operator, ti_key=NO_KEY) == ""  # type: ignore[arg-type]
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", '{"conn_type": "ksef"}')
    assert KsefAppLink().get_link(operator, ti_key=NO_KEY) == ""  # type: ignore[arg-type]
    assert KsefTablesLink().get_link(operator, ti_key=NO_KEY) == ""  # type: ignore[arg-type]
