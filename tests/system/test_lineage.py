"""OpenLineage: what tasks tell that they have read and written, with its provider and without."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager

from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.lineage import TableTraffic
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.tables.schema import INVOICES
from airflow_provider_ksef.transfers.audit_to_parquet import KsefAuditToParquetOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import sample_invoices, seed
from tests.system.operator_context import context

KSEF = ("ksef://127.0.0.1", f"nip-{NIP}")
START = datetime.now(UTC) - timedelta(days=9)


def lineage(operator: Any) -> tuple[list[Any], list[Any]]:
    """What OpenLineage's own extractor makes of a task that has ended: inputs and outputs."""
    manager = ExtractorManager()
    extractor = manager._get_extractor(operator)
    assert extractor is not None
    told = extractor.extract_on_complete(None)
    assert told is not None
    return told.inputs, told.outputs


def named(datasets: list[Any]) -> list[tuple[str, str]]:
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def rows_of(dataset: Any) -> int | None:
    statistics = getattr(dataset, "outputFacets", {}).get("outputStatistics")
    return None if statistics is None else statistics.rowCount


def sync(tables: str, **more: Any) -> KsefSyncInvoicesOperator:
    given = {"sync_from": str(START.date()), "poll_interval": 0.1, **more}
    return KsefSyncInvoicesOperator(task_id="sync", tables_path=tables, **given)


def backfill(tables: str, **more: Any) -> KsefBackfillInvoicesOperator:
    interval = {"date_from": START.isoformat(), "date_to": datetime.now(UTC).isoformat()}
    given = {**interval, "date_type": "Invoicing", "poll_interval": 0.1, **more}
    return KsefBackfillInvoicesOperator(task_id="backfill", tables_path=tables, **given)


@pytest.mark.parametrize("make", [sync, backfill])
def test_receiving_reads_the_company_and_writes_tables(
    connected: EmulatorProcess, tmp_path: Path, make: Callable[..., Any]
) -> None:
    seed(connected, 12, START + timedelta(days=1), datetime.now(UTC) - timedelta(hours=1))
    operator = make(str(tmp_path / "tables"), include_documents=True)
    result = operator.execute(context())
    inputs, outputs = lineage(operator)
    assert named(inputs) == [(KSEF[0], f"{KSEF[1]}/Subject2")]
    tables = ["invoices", "invoice_documents", "invoice_lines", "invoice_vat_summary"]
    assert named(outputs) == [("file", f"{tmp_path}/tables/{table}") for table in tables]
    assert [rows_of(output) for output in outputs] == [12, 12, result["lines"], None]
    fields = outputs[0].facets["schema"].fields
    assert [field.name for field in fields] == INVOICES.names
    assert all(field.type and field.description for field in fields)


def test_tables_in_a_bucket_are_named_without_the_connection(connected: EmulatorProcess) -> None:
    settings = KsefHook().settings
    traffic = TableTraffic(settings, ["Subject2"], "s3://aws_lake@lake/ksef", {"invoices": 3})
    (output,) = traffic.as_lineage().outputs
    assert (output.namespace, output.name) == ("s3://lake", "ksef/invoices")


@pytest.mark.parametrize("kind", [KsefSubmitBatchOperator, KsefSendInvoicesOperator])
def test_sending_reads_files_and_writes_to_the_company(
    connected: EmulatorProcess, tmp_path: Path, kind: type[Any]
) -> None:
    folder = sample_invoices(tmp_path / "outgoing", count=3)
    operator = kind(
        task_id="send",
        invoices=[str(file) for file in sorted(folder.iterdir())],
        tables_path=str(tmp_path / "tables"),
        poll_interval=0.1,
    )
    operator.execute(context())
    inputs, outputs = lineage(operator)
    assert named(inputs) == [("file", str(folder))]
    assert named(outputs) == [(KSEF[0], f"{KSEF[1]}/Subject1"), ("file", f"{tmp_path}/tables/submissions")]
    assert [rows_of(output) for output in outputs] == [3, 3]


def test_a_snapshot_reads_the_company_and_writes_its_tables(
    connected: EmulatorProcess, tmp_path: Path
) -> None:
    operator = KsefAuditToParquetOperator(
        task_id="audit", tables_path=str(tmp_path), tables=["tokens", "limits"]
    )
    rows = operator.execute(context())["rows"]
    inputs, outputs = lineage(operator)
    assert named(inputs) == [KSEF]
    assert named(outputs) == [("file", f"{tmp_path}/{table}") for table in ("tokens", "limits")]
    assert [rows_of(output) for output in outputs] == [rows["tokens"], rows["limits"]]


def test_a_task_that_came_to_nothing_tells_nothing(tmp_path: Path) -> None:
    assert sync(str(tmp_path)).get_openlineage_facets_on_complete(None) is None


def test_without_the_provider_nothing_is_told_and_nothing_fails(
    connected: EmulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(connected, 3, START + timedelta(days=1), datetime.now(UTC) - timedelta(hours=1))
    for name in [
        name for name in sys.modules if name.startswith(("airflow.providers.openlineage", "openlineage"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", None)
    operator = sync(str(tmp_path / "tables"))
    assert operator.execute(context())["rows"] == 3
    assert operator.get_openlineage_facets_on_complete(None) is None
