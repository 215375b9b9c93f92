"""Every hour, sync the tables of all companies of an accounting office by one certificate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator

with DAG(
    dag_id="example_ksef_many_companies",
    schedule="@hourly",
    start_date=datetime(2026, 2, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={
        "nips": Param(["5250001210"], type="array", description="The companies that the office works for"),
        "tables_path": Param(
            "/data/ksef/tables", type="string", description="Folder, or s3://aws_default@bucket/ksef"
        ),
        "sync_from": Param("2026-02-01", type="string", description="Where each company's first run begins"),
    },
    tags=["ksef", "example"],
    doc_md=__doc__,
):

    @task
    def companies(params: dict[str, Any]) -> list[str]:
        """Ask your own register of clients here."""
        return list(params["nips"])

    KsefSyncInvoicesOperator.partial(
        task_id="sync",
        ksef_conn_id="ksef_default",  # with a certificate that has permissions at all of them
        tables_path="{{ params.tables_path }}",  # each company has its own part, and its own watermark
        sync_from="{{ params.sync_from }}",
        subject_types=["Subject2"],
        deferrable=False,  # True leaves the worker slots free while KSeF prepares the exports
        poll_interval=2,
        max_active_tis_per_dagrun=8,
        map_index_template="{{ task.context_identifier }}",  # the grid shows the NIP, not a number
    ).expand(context_identifier=companies())
