"""What became of a session, told alike by whatever waited for it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch_result import (
    batch_result,
    failure_message,
    outcome,
    rejection_line,
)
from airflow_provider_ksef.sensors.session import KsefSessionSensor
from tests.system.operator_context import NotedState, context
from tests.unit.client.fake_ksef import FakeKsef

ONLINE = "20260901-SO-1A2B3C6000-0F1E2D3C4D-4A"
OTHER = "20260901-SO-1A2B3C5000-0F1E2D3C4C-4B"
CREATED = "2026-09-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("accepted", "rejected", "named"),
    [
        (3, 0, "accepted"),
        (2, 1, "partly_accepted"),
        (0, 3, "rejected"),
        (0, 0, "rejected"),
        (None, None, None),
    ],
)
def test_the_outcome_tells_all_some_and_none(
    accepted: int | None, rejected: int | None, named: str | None
) -> None:
    assert outcome(accepted, rejected) == named


def test_what_was_not_waited_for_is_not_told() -> None:
    assert batch_result([OTHER, ONLINE], 3, None, None, None) == {
        "session_reference_number": ONLINE,
        "sessions": [OTHER, ONLINE],
        "code": None,
        "status": None,
        "invoice_count": 3,
        "accepted": None,
        "rejected": None,
        "rejections": None,
    }


@pytest.mark.parametrize(
    ("codes", "mend", "again"),
    [((450, 440), True, False), ((405, 550), False, True), ((450, 500), True, True)],
)
def test_what_ksef_did_not_judge_is_not_to_be_mended(codes: tuple[int, ...], mend: bool, again: bool) -> None:
    rejections = [
        {"file": f"/{code}.xml", "invoice_number": None, "code": code, "description": "x", "details": []}
        for code in codes
    ]
    told = failure_message(batch_result([ONLINE], 9, 7, 2, rejections), "result")
    assert ("mend the rejected ones" in told, "again as they are" in told) == (mend, again)


def session_status(code: int, **counts: int) -> httpx.Response:
    status = {"code": code, "description": "Opis."}
    return httpx.Response(
        200, json={"status": status, "dateCreated": CREATED, "dateUpdated": CREATED, **counts}
    )


def rejected_invoice() -> dict[str, Any]:
    return {
        "ordinalNumber": 1,
        "referenceNumber": "20260901-EE-1A2B3C8001-0F1E2D3C4F-01",
        "invoiceHash": "UtQp9Gpc51y+u3xApZjIjgkpZ01js+J8KflSPW8WzIE=",
        "invoicingDate": CREATED,
        "invoiceNumber": "FV/1",
        "status": {"code": 440, "description": "Duplikat faktury", "details": ["Znany."]},
    }


def test_an_interactive_session_leaves_zeros_out_and_knows_no_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ksef = FakeKsef()
    monkeypatch.setattr(KsefHook, "get_conn", lambda _: ksef.sync_client())
    ksef.replies[f"GET /sessions/{ONLINE}"] = [session_status(445, invoiceCount=1, failedInvoiceCount=1)]
    failed = {"continuationToken": None, "invoices": [rejected_invoice()]}
    ksef.replies[f"GET /sessions/{ONLINE}/invoices/failed"] = [httpx.Response(200, json=failed)]
    sensor = KsefSessionSensor(task_id="wait", session_reference_number=ONLINE, deferrable=True)
    result = sensor.execute(context(NotedState()))
    (rejection,) = result.pop("rejections")
    assert result == {
        "session_reference_number": ONLINE,
        "sessions": [ONLINE],
        "code": 445,
        "status": "rejected",
        "invoice_count": 1,
        "accepted": 0,
        "rejected": 1,
    }
    assert rejection["file"] is None
    assert rejection_line(rejection) == "FV/1: 440 Duplikat faktury (Znany.)"
