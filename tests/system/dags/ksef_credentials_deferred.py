"""A certificate and a token whose tasks are deferred while KSeF makes them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from airflow_provider_ksef.operators.certificates import KsefRotateCertificateOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator

SECRETS = Path(os.environ.get("KSEF_SECRETS", "."))
COMMON: dict[str, Any] = {"deferrable": True, "poll_interval": 0.2, "retries": 0}

with DAG("ksef_credentials_deferred", schedule=None, start_date=datetime(2026, 2, 1, tzinfo=UTC)):
    (
        KsefRotateCertificateOperator(
            task_id="certificate",
            certificate_name="Sync 2026",
            sink=FileSink(SECRETS / "pem"),
            renew_before=timedelta(days=800),  # the emulator's certificates live two years
            **COMMON,
        )
        >> KsefGenerateTokenOperator(
            task_id="token",
            permissions=["InvoiceRead"],
            description="for the sync",
            sink=FileSink(SECRETS / "token"),
            **COMMON,
        )
    )
