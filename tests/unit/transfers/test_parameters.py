"""What a DAG author may give to sync, backfill and verification, whichever class takes it."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.operators.retries import KsefRetryPolicy
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator

INTERVAL = {"date_from": "2026-02-01", "date_to": "2026-03-01"}
OPERATORS: list[tuple[type[Any], dict[str, str]]] = [
    (KsefSyncInvoicesOperator, {"sync_from": "2026-02-01"}),
    (KsefBackfillInvoicesOperator, INTERVAL),
    (KsefVerifyInvoicesOperator, INTERVAL),
]
EACH = pytest.mark.parametrize(("operator", "given"), OPERATORS)


@EACH
def test_mapping_over_companies_keeps_the_defaults(operator: type[Any], given: dict[str, str]) -> None:
    with DAG("d", schedule=None) as dag:
        operator.partial(task_id="t", tables_path="/x", **given).expand(context_identifier=["1", "2"])
    mapped = dag.get_task("t")
    assert mapped.partial_kwargs["retries"] == 3
    assert isinstance(mapped.partial_kwargs["retry_policy"], KsefRetryPolicy)


@EACH
def test_default_args_reach_the_common_parameters(operator: type[Any], given: dict[str, str]) -> None:
    with DAG(
        "d", schedule=None, default_args={"tables_path": "/x", "subject_types": ["Subject1"], "retries": 0}
    ):
        task = operator(task_id="t", **given)
    assert (task.tables_path, task.subject_types, task.retries) == ("/x", ["Subject1"], 0)
    assert set(given) <= set(task.template_fields)
    assert all(hasattr(task, field) for field in task.template_fields)
    assert callable(task.dry_run), "BaseOperator's own method"
    assert isinstance(task, BaseOperator)


@EACH
@pytest.mark.parametrize(
    "wrong",
    [
        {"poll_interval": 0},
        {"poll_interval": "10"},
        {"poll_interval": timedelta(minutes=1)},
        {"timeout": -1},
        {"timeout": math.inf},
        {"timeout": None},
        {"max_exports": -1},
        {"document_processes": 0},
        {"table_format": "iceberg"},
        {"subject_types": ["Subject2", "Subject2"]},
        {"subject_types": [["Subject2"]]},
    ],
)
def test_a_wrong_parameter_is_refused_when_the_dag_is_read(
    operator: type[Any], given: dict[str, str], wrong: dict[str, Any]
) -> None:
    with pytest.raises(KsefInputError, match=f"{next(iter(wrong))}="):
        operator(task_id="t", tables_path="/x", **given, **wrong)
