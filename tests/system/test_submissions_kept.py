"""Each sent file is a row before its session takes effect, and a next try finds the session there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef._compat import AirflowFailException
from airflow_provider_ksef.client.duplicates import CONFLICT
from airflow_provider_ksef.exceptions import KsefTimeoutError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.tables.reading import read
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices
from tests.system.operator_context import context

COUNT = 4


@pytest.fixture
def invoices(tmp_path: Path) -> Path:
    return sample_invoices(tmp_path / "outgoing", count=COUNT)


def submit(invoices: Path, **parameters: Any) -> Any:
    operator = KsefSubmitBatchOperator(
        task_id="submit",
        invoices=str(invoices),
        poll_interval=0.1,
        tables_path=str(invoices.parent / "tables"),
        **parameters,
    )
    return operator.execute(context())


def rows(invoices: Path) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = read("submissions", invoices.parent / "tables").to_pylist()
    return kept


def test_rows_are_there_before_the_answer_and_completed_by_it(
    connected: EmulatorProcess, invoices: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    assert [row["state"] for row in rows(invoices)] == ["sent"] * COUNT
    submit(invoices)
    kept = rows(invoices)
    assert [row["state"] for row in kept] == ["accepted"] * COUNT
    assert {row["ksef_number"] for row in kept} == set(connected.ksef_numbers(subject_type="Subject1"))


def test_without_a_state_store_the_table_tells_of_the_session(
    connected: EmulatorProcess, invoices: Path
) -> None:
    with pytest.raises(KsefTimeoutError):
        submit(invoices, timeout=0)
    first = rows(invoices)[0]["session_reference_number"]
    assert submit(invoices)["session_reference_number"] == first
    assert connected.requests()["POST /sessions/batch"] == 1


def test_another_invoice_of_the_same_number_is_a_conflict(connected: EmulatorProcess, invoices: Path) -> None:
    submit(invoices)
    changed = sorted(invoices.iterdir())[0]
    changed.write_bytes(changed.read_bytes() + b"<!-- printed again -->")
    with pytest.raises(AirflowFailException):
        submit(invoices)
    states = Counter(row["state"] for row in rows(invoices))
    assert states == {"accepted": COUNT, "already_accepted": COUNT - 1, CONFLICT: 1}
    assert len(connected.ksef_numbers(subject_type="Subject1")) == COUNT
