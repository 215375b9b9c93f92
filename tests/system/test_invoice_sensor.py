"""Waiting for an invoice that matches: by seller, number, amount or date."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSensorTimeout, TaskDeferred

from airflow_provider_ksef.exceptions import KsefInputError
from airflow_provider_ksef.sensors.invoice import KsefInvoiceSensor
from airflow_provider_ksef.triggers.invoice import KsefInvoiceTrigger
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import context

NOW = datetime.now(UTC)
A_WEEK_AGO = (NOW - timedelta(days=7)).isoformat()


def sensor(**parameters: Any) -> KsefInvoiceSensor:
    return KsefInvoiceSensor(task_id="wait", **{"date_from": A_WEEK_AGO, **parameters})


def found(**parameters: Any) -> list[dict[str, Any]]:
    poked = sensor(**parameters).poke(context())
    return list(poked.xcom_value["invoices"]) if poked.is_done else []


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    seed(connected, 40, NOW - timedelta(days=3), NOW - timedelta(days=1))
    return connected


def test_invoices_are_told_by_what_an_accountant_knows_them_by(received: EmulatorProcess) -> None:
    listed = found()
    assert {invoice["ksef_number"] for invoice in listed} == set(received.ksef_numbers())
    one = listed[0]
    assert json.loads(json.dumps(one)) == one
    assert found(seller_nip=one["seller_nip"], invoice_number=one["invoice_number"]) == [one]
    bounds = {"amount_from": one["gross_amount"], "amount_to": one["gross_amount"], "amount_type": "Brutto"}
    assert one in found(**bounds)
    in_pln = [invoice for invoice in listed if invoice["currency"] == "PLN"]
    assert found(currency_codes=["PLN"]) == in_pln
    assert found(seller_nip=NIP) == []


def test_it_is_deferred_until_the_invoice_is_there(received: EmulatorProcess) -> None:
    waiting = sensor(date_from=(NOW - timedelta(hours=1)).isoformat(), deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        waiting.execute(context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, KsefInvoiceTrigger)
    _, stored = trigger.serialize()
    assert json.loads(json.dumps(stored)) == stored
    seed(received, 1)
    again = KsefInvoiceTrigger(**{**stored, "poll_interval": 0.1})
    event = asyncio.run(asyncio.wait_for(anext(aiter(again.run())), timeout=30))
    assert event.payload["code"] == 200
    result = waiting.execute_complete(context(), event.payload)
    assert len(result["invoices"]) == 1


def test_it_times_out(connected: EmulatorProcess) -> None:
    with pytest.raises(AirflowSensorTimeout, match="No invoice matches"):
        sensor(deferrable=True, timeout=0).execute(context())
    assert connected.requests()["POST /invoices/query/metadata"] == 1


def test_polling_more_often_than_ksef_allows_is_refused() -> None:
    with pytest.raises(KsefInputError, match="poke_interval"):
        sensor(poke_interval=10)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("date_from", {"date_from": "yesterday"}),
        ("seller_nip", {"seller_nip": "5250001211"}),
        ("amount_from", {"amount_from": "much", "amount_type": "Brutto"}),
        ("amount_type", {"amount_from": 1}),
        ("currency_codes", {"currency_codes": "PLN"}),
        ("subject_type", {"subject_type": "Buyer"}),
    ],
)
def test_what_ksef_would_refuse_is_refused_before_it_is_asked(
    connected: EmulatorProcess, field: str, given: dict[str, Any]
) -> None:
    with pytest.raises(KsefInputError, match=field):
        sensor(**given).execute(context())
    assert connected.requests() == {}
