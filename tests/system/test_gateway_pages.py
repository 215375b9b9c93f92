"""A page of HTML in place of an answer, with whatever status, at each kind of call: said as what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices, seed
from tests.system.operator_context import context

PAGE = "<!DOCTYPE html><html><title>Przerwa techniczna</title></html>"


def sync(folder: Path) -> KsefSyncInvoicesOperator:
    return KsefSyncInvoicesOperator(
        task_id="sync",
        tables_path=str(folder / "tables"),
        sync_from=str(datetime.now(UTC).date() - timedelta(days=9)),
        poll_interval=0.1,
    )


def submit(folder: Path) -> KsefSubmitBatchOperator:
    return KsefSubmitBatchOperator(
        task_id="submit",
        invoices=str(sample_invoices(folder / "outgoing", count=2)),
        upo_path=str(folder / "upo"),
        poll_interval=0.1,
        timeout=3,  # a session's status is asked for until then
    )


def send(folder: Path) -> KsefSendInvoicesOperator:
    invoices = str(sample_invoices(folder / "outgoing", count=2))
    return KsefSendInvoicesOperator(task_id="send", invoices=invoices, poll_interval=0.1)


CALLS = {
    "challenge": (sync, "POST", "^/v2/auth/challenge$"),
    "login": (sync, "POST", "^/v2/auth/ksef-token$"),
    "public keys": (sync, "GET", "^/v2/security/"),
    "export": (sync, "POST", "^/v2/invoices/exports$"),
    "status of an export": (sync, "GET", "^/v2/invoices/exports/"),
    "download": (sync, "GET", "^/storage/"),
    "batch session": (submit, "POST", "^/v2/sessions/batch$"),
    "upload": (submit, "PUT", "^/storage/"),
    "close": (submit, "POST", "^/v2/sessions/batch/.*/close$"),
    "status of a session": (submit, "GET", "^/v2/sessions/[^/]+$"),
    "confirmation of receipt": (submit, "GET", "^/storage/"),
    "interactive session": (send, "POST", "^/v2/sessions/online$"),
    "invoice": (send, "POST", "^/v2/sessions/online/.*/invoices$"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("call", CALLS)
def test_a_page_is_said_to_be_one(connected: EmulatorProcess, tmp_path: Path, call: str, status: int) -> None:
    now = datetime.now(UTC)
    seed(connected, 3, now - timedelta(days=7), now - timedelta(hours=1))
    make: Callable[[Path], Any]
    make, method, path = CALLS[call]
    connected.control("faults", method=method, path=path, times=200, status=status, body=PAGE)
    with pytest.raises(KsefError, match="HTML page") as raised:
        make(tmp_path).execute(context())
    assert raised.value.remedy
