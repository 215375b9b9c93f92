"""Invoices from, and tables on, S3 through an Airflow connection."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import httpx
import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.tables.audit_report import audit_report
from airflow_provider_ksef.transfers.audit_sources import AUDITED
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.s3_server import S3Server
from tests.system.audit_ways import days_ago
from tests.system.conftest import sample_invoices, seed
from tests.system.operator_context import context

BUCKET = "lake"
REGION = "eu-central-1"
SECRET = "secret-access-key-of-the-lake"


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket that the connection ``aws_moto`` opens; gives the server's address."""
    connection = {"conn_type": "aws", "login": "testing", "password": SECRET}
    connection["extra"] = json.dumps({"endpoint_url": s3.url, "region_name": REGION})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_MOTO", json.dumps(connection))
    httpx.post(f"{s3.url}/moto-api/reset").raise_for_status()
    _client(s3.url).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3.url


def _client(url: str):  # type: ignore[no-untyped-def]
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key=SECRET,
    )


def test_snapshots_on_s3_are_kept_and_compared(connected: EmulatorProcess, bucket: str) -> None:
    path = f"s3://aws_moto@{BUCKET}/ksef"
    for days in (7, 0):
        with days_ago(days):
            taken = KsefAuditToParquetOperator(task_id="snapshot", tables_path=path).execute(context())
    report = audit_report(ObjectStoragePath(path), taken["context"])
    assert {table: None not in days for table, days in report.days.items()} == dict.fromkeys(AUDITED, True)
    assert report.changes == ()
    assert read("tokens", ObjectStoragePath(path)).num_rows == 2


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_tables_on_s3_hold_each_invoice_once(
    connected: EmulatorProcess, bucket: str, table_format: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    seed(connected, 250, now - timedelta(days=40), now - timedelta(hours=1))
    path = f"s3://aws_moto@{BUCKET}/ksef"
    for rows in (250, 0):
        operator = KsefSyncInvoicesOperator(
            task_id="sync",
            tables_path=path,
            sync_from=str((now - timedelta(days=50)).date()),
            table_format=table_format,
            poll_interval=0.1,
        )
        assert operator.execute(context())["rows"] == rows
    numbers = read("invoices", ObjectStoragePath(path)).column("ksef_number").to_pylist()
    assert sorted(numbers) == sorted(connected.ksef_numbers())
    assert SECRET not in caplog.text


def test_a_folder_of_invoices_on_s3_is_sent(connected: EmulatorProcess, bucket: str, tmp_path: Path) -> None:
    for file in sample_invoices(tmp_path, count=3, wrong=1).glob("*.xml"):
        _client(bucket).put_object(Bucket=BUCKET, Key=f"outgoing/{file.name}", Body=file.read_bytes())
    for named in (
        ObjectStoragePath(f"s3://{BUCKET}/outgoing", conn_id="aws_moto"),
        f"s3://aws_moto@{BUCKET}/outgoing/*.xml",
    ):
        operator = KsefSubmitBatchOperator(
            task_id="submit", invoices=named, on_rejected="warn", poll_interval=0.1
        )
        result = operator.execute(context())
        assert result["invoice_count"] == 3
        assert result["accepted"] == 2  # the second time KSeF has the same bytes already
    assert result["rejections"][0]["file"] == f"s3://aws_moto@{BUCKET}/outgoing/FV-0002.xml"
    assert len(connected.ksef_numbers(subject_type="Subject1")) == 2


def test_a_upo_is_kept_on_s3(connected: EmulatorProcess, bucket: str, tmp_path: Path) -> None:
    folder = sample_invoices(tmp_path, count=3)
    submit = KsefSubmitBatchOperator(task_id="submit", invoices=str(folder), poll_interval=0.1)
    reference = submit.execute(context())["session_reference_number"]
    for named in (f"s3://aws_moto@{BUCKET}/upo", ObjectStoragePath(f"s3://{BUCKET}/upo", conn_id="aws_moto")):
        operator = KsefDownloadUpoOperator(
            task_id="upo", session_reference_number=reference, upo_path=named, include_invoices=True
        )
        assert operator.execute(context())["files"] == 4
    keys = [each["Key"] for each in _client(bucket).list_objects_v2(Bucket=BUCKET)["Contents"]]
    numbers = connected.ksef_numbers(subject_type="Subject1")
    assert {f"upo/{reference}/{number}.xml" for number in numbers} < set(keys)
    assert len(keys) == 4


def test_a_prefix_of_something_else_is_refused(connected: EmulatorProcess, bucket: str) -> None:
    _client(bucket).put_object(Bucket=BUCKET, Key="photos/holiday.jpg", Body=b"x")
    operator = KsefSyncInvoicesOperator(
        task_id="sync", tables_path=f"s3://aws_moto@{BUCKET}/photos", sync_from="2026-02-01"
    )
    with pytest.raises(KsefInputError, match="holds something else: holiday"):
        operator.execute(context())
