"""What wakes a task up is looked at before it is used, whatever it is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefTriggererError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.sensors.invoice import KsefInvoiceSensor
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from airflow_provider_ksef.triggers.events import Resume, read_event
from tests.system.operator_context import context
from tests.unit.client.fake_ksef import SESSION, FakeKsef

ANOTHER = SESSION.replace("1A2B3C7000", "1A2B3C7001")
WAITING: dict[str, Any] = {
    "submit": KsefSubmitBatchOperator(task_id="submit", invoices="x"),
    "send": KsefSendInvoicesOperator(task_id="send", invoices="x"),
    "upo": KsefDownloadUpoOperator(task_id="upo", session_reference_number=SESSION, upo_path="x"),
    "session": KsefSessionSensor(task_id="session", session_reference_number=SESSION),
    "invoice": KsefInvoiceSensor(task_id="invoice", date_from="2026-02-01T00:00:00Z"),
    "sync": KsefSyncInvoicesOperator(task_id="sync", tables_path="x"),
    "backfill": KsefBackfillInvoicesOperator(
        task_id="backfill", tables_path="x", date_from="2026-02-01", date_to="2026-03-01"
    ),
    "verify": KsefVerifyInvoicesOperator(task_id="verify", tables_path="x"),
}
PENDING = {
    "reference_number": ANOTHER,
    "subject_type": "Subject2",
    "window_start": "2026-02-01T00:00:00Z",
    "window_end": None,
    "salt": "00",
    "check_value": "00",
}


def event(**fields: Any) -> dict[str, Any]:
    resume = {"deadline": time.time() + 60}
    return {"reference_number": SESSION, "code": 200, "error": None, "resume": resume, **fields}


@pytest.fixture
def ksef(monkeypatch: pytest.MonkeyPatch) -> FakeKsef:
    """A KSeF that nobody may ask."""
    fake = FakeKsef()
    monkeypatch.setattr("airflow_provider_ksef.hooks.ksef.KsefHook.get_conn", lambda _: fake.sync_client())
    return fake


@pytest.mark.parametrize(
    "given",
    [
        None,
        "200",
        [],
        {},
        event(reference_number=None),
        event(code="200"),
        event(resume=None),
        event(resume={}),
        event(resume={"deadline": "tomorrow"}),
        event(resume={"deadline": float("nan")}),
        {"status": "success"},
    ],
)
@pytest.mark.parametrize("kind", WAITING)
def test_no_event_at_all_is_a_clear_error(ksef: FakeKsef, kind: str, given: Any) -> None:
    with pytest.raises(KsefTriggererError, match=r"no event of its trigger: .+ the next try goes on"):
        WAITING[kind].execute_complete(context(), given)
    assert not ksef.requests


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("submit", {"sessions": []}),
        ("submit", {"sessions": [{"session_reference_number": ANOTHER, "digest": "", "invoice_count": 1}]}),
        ("submit", {"sessions": [[SESSION, "digest", 1]]}),
        ("send", {"note": {}, "is_waiting": True}),
        ("send", {"note": {"digest": 1}, "is_waiting": False}),
        ("sync", {"unit": "Subject2", "pending": PENDING, "progress": {}}),
        ("sync", {"unit": "Subject2", "pending": {**PENDING, "reference_number": SESSION}, "progress": 5}),
    ],
)
def test_what_was_kept_for_something_else_is_a_clear_error(
    ksef: FakeKsef, kind: str, kept: dict[str, Any]
) -> None:
    given = event(resume={"deadline": time.time() + 60, **kept})
    with pytest.raises(KsefTriggererError, match=r"no event of its trigger: .+ the next try goes on"):
        WAITING[kind].execute_complete(context(), given)
    assert not ksef.requests


@pytest.mark.parametrize("kind", ["session", "upo"])
def test_an_event_of_another_session_is_a_clear_error(ksef: FakeKsef, kind: str) -> None:
    with pytest.raises(KsefTriggererError, match=rf"{ANOTHER}.*waits for .*{SESSION}"):
        WAITING[kind].execute_complete(context(), event(reference_number=ANOTHER))


def test_no_event_prolongs_the_waiting() -> None:
    far = event(resume={"deadline": time.time() + 1e9})
    assert read_event(far, Resume, timeout=50).resume.deadline <= time.time() + 50
    near = event(resume={"deadline": 5.5})
    assert read_event(near, Resume, timeout=50).resume.deadline == 5.5
