"""The analytics guide on tables that a sync has filled with invoices of all kinds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_ksef.tables import read
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import context
from tests.unit.docs.analytics_page import QUESTIONS, answer_by_pandas, answer_by_sql

FIRST = datetime(2026, 1, 2, tzinfo=UTC)
LAST = datetime(2026, 3, 30, tzinfo=UTC)


def test_sql_and_pandas_agree_on_every_question(connected: EmulatorProcess, tmp_path: Path) -> None:
    seed(connected, 400, FIRST, LAST)
    seed(connected, 100, FIRST, LAST, subject_type="Subject1")
    sync = KsefSyncInvoicesOperator(
        task_id="sync",
        tables_path=str(tmp_path),
        sync_from="2026-01-01",
        subject_types=["Subject1", "Subject2"],
        include_documents=True,
        poll_interval=0.1,
    )
    assert sync.execute(context())["documents"] == 500
    sql, pandas = answer_by_sql(tmp_path), answer_by_pandas(tmp_path)
    for title in (section.title for section in QUESTIONS):
        assert pandas[title].columns == sql[title].columns, title
        assert sorted(pandas[title].rows, key=repr) == sorted(sql[title].rows, key=repr), title
    vat = sum(row[-2] for row in sql["VAT by rate and month"].rows)
    bought = read("invoices", tmp_path, filters=[("subject_type", "=", "Subject2")])
    assert vat == sum(bought.column("vat_amount").to_pylist())
    assert f"nip-{NIP}" in {row[0] for row in sql["Late corrections"].rows}
