"""Each week, renew KSeF's certificate where it ends soon, and see that there is a token for reading."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG

from airflow_provider_ksef.operators.certificates import KsefRotateCertificateOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator

# A folder of the workers' own. Connections name ksef.pem in it as their certificate and as their private key.
SECRETS = Path(os.environ.get("KSEF_SECRETS", "/var/lib/airflow/ksef"))

with DAG(
    dag_id="example_ksef_credentials",
    schedule="@weekly",
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,  # two at once would each make a token, and the sink keeps one
    tags=["ksef", "example"],
    doc_md=__doc__,
):
    certificate = KsefRotateCertificateOperator(
        task_id="certificate",
        certificate_name="Airflow",
        sink=FileSink(SECRETS / "ksef.pem"),
        renew_before=timedelta(days=60),
    )
    token = KsefGenerateTokenOperator(
        task_id="token",
        permissions=["InvoiceRead"],
        description="Airflow reads invoices",
        sink=FileSink(SECRETS / "ksef.token"),
    )
    certificate >> token
