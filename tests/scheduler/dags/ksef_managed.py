"""Everything that manages a company: one DAG whose tasks wait in the triggerer, and tasks that tests kill."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task
from ksef_noting import KILLED

from airflow_provider_ksef.operators.certificates import (
    KsefEnrollCertificateOperator,
    KsefRevokeCertificateOperator,
    KsefRotateCertificateOperator,
)
from airflow_provider_ksef.operators.collective_identifier import KsefCollectiveIdentifierOperator
from airflow_provider_ksef.operators.permission_sync import KsefSyncPermissionsOperator
from airflow_provider_ksef.operators.permissions import (
    KsefGrantPermissionOperator,
    KsefRevokePermissionOperator,
)
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.operators.test_data import KsefTestDataOperator
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator, KsefRevokeTokenOperator
from airflow_provider_ksef.sensors.expiry import KsefCertificateExpirySensor, KsefTokenExpirySensor
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from tests.system.permitted import OFFICE, PERSON

SECRETS = Path(os.environ["KSEF_TEST_SECRETS"])
ALWAYS_DUE = timedelta(days=800)
START = datetime(2026, 2, 1, tzinfo=UTC)
CONN = {"conn": Param("", type="string")}
TOKEN: dict[str, Any] = {"permissions": ["InvoiceRead"], "description": "for the sync"}

for deferrable in (False, True):
    how = "deferred" if deferrable else "in_place"
    common: dict[str, Any] = {
        "start_date": START,
        "params": CONN,
        "default_args": {**KILLED, "deferrable": deferrable},
    }
    with DAG(f"struck_permissions_{how}", schedule=None, **common):
        KsefSyncPermissionsOperator(task_id="permissions", wanted=[PERSON, OFFICE], dry_run=False)
    with DAG(f"struck_token_{how}", schedule=None, **common):
        KsefGenerateTokenOperator(task_id="token", sink=FileSink(SECRETS / f"struck_token_{how}"), **TOKEN)
    with DAG(f"struck_certificate_{how}", schedule=None, **common):
        KsefRotateCertificateOperator(
            task_id="certificate",
            certificate_name="Sync 2026",
            sink=FileSink(SECRETS / f"struck_certificate_{how}"),
            renew_before=ALWAYS_DUE,
        )

with DAG(
    "managed",
    schedule=None,
    start_date=START,
    params={**CONN, "tables_path": Param("", type="string"), "ksef_numbers": Param([], type="array")},
    default_args={
        "ksef_conn_id": "{{ params.conn }}",
        "deferrable": True,
        "poll_interval": 0.3,
        "retries": 0,
    },
):

    @task
    def numbers(params: dict[str, list[str]]) -> list[str]:
        """Give the invoices that are paid at once."""
        return params["ksef_numbers"]

    permissions = (
        KsefGrantPermissionOperator(task_id="grant", permission=PERSON)
        >> KsefSyncPermissionsOperator(
            task_id="sync", wanted=[{**PERSON, "permissions": ["InvoiceRead"]}, OFFICE], dry_run=False
        )
        >> KsefRevokePermissionOperator(
            task_id="revoke", permission={**PERSON, "permissions": ["InvoiceRead"]}
        )
    )
    old = KsefGenerateTokenOperator(task_id="token", sink=FileSink(SECRETS / "managed_old_token"), **TOKEN)
    tokens = (
        old
        >> KsefTokenExpirySensor(task_id="token_ends", max_age=timedelta(0), description="for the sync")
        >> KsefRevokeTokenOperator(
            task_id="revoke_token",
            token_reference_number="{{ ti.xcom_pull(task_ids='token')['token_reference_number'] }}",
        )
        >> KsefGenerateTokenOperator(task_id="new_token", sink=FileSink(SECRETS / "managed_token"), **TOKEN)
    )
    given: dict[str, Any] = {"certificate_name": "Sync 2026", "sink": FileSink(SECRETS / "managed_pem")}
    certificates = (
        KsefEnrollCertificateOperator(task_id="certificate", **given)
        >> KsefCertificateExpirySensor(
            task_id="certificate_ends", within=ALWAYS_DUE, certificate_type="Authentication"
        )
        >> KsefRotateCertificateOperator(task_id="rotate", renew_before=ALWAYS_DUE, **given)
    )
    offline = KsefEnrollCertificateOperator(
        task_id="offline",
        certificate_name="Offline 2026",
        certificate_type="Offline",
        sink=FileSink(SECRETS / "managed_offline"),
    ) >> KsefRevokeCertificateOperator(
        task_id="revoke_offline",
        certificate_serial_number="{{ ti.xcom_pull(task_ids='offline')['certificate_serial_number'] }}",
    )
    made = KsefTestDataOperator(
        task_id="test_data",
        steps=[
            {"action": "create_person", "nip": "1111111111", "pesel": "30112206276", "description": "trader"}
        ],
    )
    collected = KsefCollectiveIdentifierOperator(task_id="collect", ksef_numbers=numbers())
    [permissions, tokens, certificates, offline, made, collected] >> KsefAuditToParquetOperator(
        task_id="audit", tables_path="{{ params.tables_path }}"
    )
