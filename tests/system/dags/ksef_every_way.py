"""Each operator and sensor, waiting in place and deferred."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param

from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator

COMMON = {
    "start_date": datetime(2026, 2, 1, tzinfo=UTC),
    "catchup": False,
    "default_args": {"retries": 0, "retry_delay": timedelta(seconds=1)},
}

for deferrable in (False, True):
    how = "deferred" if deferrable else "in_place"
    with DAG(
        f"submit_{how}",
        params={name: Param("", type="string") for name in ("invoices", "upo_path")},
        schedule=None,
        **COMMON,
    ):
        submit = KsefSubmitBatchOperator(
            task_id="submit",
            invoices="{{ params.invoices }}",
            on_rejected="warn",
            deferrable=deferrable,
            poll_interval=0.2,
        )
        KsefSessionSensor(
            task_id="processed",
            session_reference_number="{{ ti.xcom_pull(task_ids='submit')['session_reference_number'] }}",
            deferrable=deferrable,
            poke_interval=0.2,
        ).set_upstream(submit)
        KsefDownloadUpoOperator(
            task_id="upo",
            session_reference_number="{{ ti.xcom_pull(task_ids='submit')['session_reference_number'] }}",
            upo_path="{{ params.upo_path }}",
            deferrable=deferrable,
            poll_interval=0.2,
        ).set_upstream(submit)
    with DAG(
        f"send_{how}",
        params={"invoices": Param("", type="string")},
        schedule=None,
        **COMMON,
    ):
        KsefSendInvoicesOperator(
            task_id="send",
            invoices="{{ params.invoices }}",
            on_rejected="warn",
            deferrable=deferrable,
            poll_interval=0.2,
        )
    with DAG(
        f"sync_{how}",
        params={"tables_path": Param("", type="string"), "sync_from": Param("", type="string")},
        schedule=None,
        **COMMON,
    ):
        KsefSyncInvoicesOperator(
            task_id="sync",
            tables_path="{{ params.tables_path }}",
            sync_from="{{ params.sync_from }}",
            deferrable=deferrable,
            poll_interval=0.2,
        )
    with DAG(
        f"backfill_{how}",
        params={name: Param("", type="string") for name in ("tables_path", "date_from", "date_to")},
        schedule=None,
        **COMMON,
    ):
        given = {
            "tables_path": "{{ params.tables_path }}",
            "date_from": "{{ params.date_from }}",
            "date_to": "{{ params.date_to }}",
            "include_documents": True,
            "deferrable": deferrable,
            "poll_interval": 0.2,
        }
        backfill = KsefBackfillInvoicesOperator(task_id="backfill", **given)
        KsefVerifyInvoicesOperator(task_id="verify", **given).set_upstream(backfill)

with DAG("submit_strict", schedule=None, params={"invoices": Param("", type="string")}, **COMMON):
    KsefSubmitBatchOperator(task_id="submit", invoices="{{ params.invoices }}", poll_interval=0.2)
