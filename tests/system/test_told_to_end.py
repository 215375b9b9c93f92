"""A task process that is told to end (SIGTERM) leaves no login session, and its next try goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.client.calls import Answer, Call
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.killing import end_killed_task
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.upo import KsefDownloadUpoOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.crash.victim import StateFile
from tests.emulator_process import EmulatorProcess
from tests.system.conftest import sample_invoices, seed
from tests.system.operator_context import context

PENDING = {"dateCreated": "2026-09-01T00:00:00Z", "dateUpdated": "2026-09-01T00:00:00Z"}
AT_WORK = {"status": {"code": 150, "description": "Trwa przetwarzanie"}, **PENDING}
EXPORTING = {"status": {"code": 100, "description": "Eksport faktur w toku"}}
SESSION = "20260901-SB-1A2B3C7000-0F1E2D3C4E-78"
WAITS: dict[str, dict[str, Any]] = {
    "session": {"method": "GET", "path": "/v2/sessions/[^/]+$", "status": 200, "body": AT_WORK},
    "export": {"method": "GET", "path": "/v2/invoices/exports/.*", "status": 200, "body": EXPORTING},
    "opening": {"method": "POST", "path": "/v2/sessions/batch$", "delay": 4},
    "sending": {"method": "POST", "path": "/v2/sessions/online/[^/]+/invoices", "delay": 4},
}
ENDED = 1
"""Exit code of a process whose task ended by SystemExit with a text."""


def operator(kind: str, folder: Path) -> Any:
    """The task, ready to be run."""
    match kind:
        case "submit":
            return KsefSubmitBatchOperator(task_id=kind, invoices=str(folder / "out"), poll_interval=0.3)
        case "send":
            return KsefSendInvoicesOperator(task_id=kind, invoices=str(folder / "out"), poll_interval=0.3)
        case "sync":
            since = (datetime.now(UTC) - timedelta(days=9)).date()
            tables = str(folder / "tables")
            return KsefSyncInvoicesOperator(
                task_id=kind, tables_path=tables, sync_from=since, poll_interval=0.3
            )
        case "upo":
            return KsefDownloadUpoOperator(
                task_id=kind, session_reference_number=SESSION, upo_path=str(folder)
            )
    raise LookupError(kind)


def run_try(kind: str, folder: Path) -> None:
    """Do what Airflow's task runner does: SIGTERM means ``on_kill``, and nothing else."""
    task = operator(kind, folder)
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    task.execute(context(StateFile(folder / "state.json")))


@contextmanager
def first_try(kind: str, folder: Path) -> Iterator[BaseProcess]:
    process = multiprocessing.get_context("fork").Process(target=run_try, args=(kind, folder))
    process.start()
    yield process
    process.kill()
    process.join()


def wait_for(emulator: EmulatorProcess, call: str) -> None:
    deadline = time.monotonic() + 60
    while not emulator.requests().get(call):
        assert time.monotonic() < deadline, emulator.requests()
        time.sleep(0.05)
    time.sleep(0.2)


def other_logins() -> list[str]:
    """The login sessions of the company beside our own, as KSeF lists them."""

    def parse(answer: Answer) -> list[str]:
        items = json.loads(answer.content)["items"]
        return [item["referenceNumber"] for item in items if not item["isCurrent"]]

    with KsefHook().get_conn() as ksef:
        return ksef.run(Call("GET", "/auth/sessions", parse))


@pytest.mark.parametrize(
    ("kind", "wait", "call"),
    [
        ("submit", "opening", "POST /sessions/batch"),
        ("submit", "session", "GET /sessions/{referenceNumber}"),
        ("send", "sending", "POST /sessions/online/{referenceNumber}/invoices"),
        ("sync", "export", "GET /invoices/exports/{referenceNumber}"),
        ("upo", "session", "GET /sessions/{referenceNumber}"),
    ],
)
def test_the_login_session_ends_and_the_next_try_goes_on(
    connected: EmulatorProcess, tmp_path: Path, kind: str, wait: str, call: str
) -> None:
    sample_invoices(tmp_path / "out", count=3)
    seed(connected, 5, datetime.now(UTC) - timedelta(days=3), datetime.now(UTC) - timedelta(days=1))
    connected.control("faults", times=999, **WAITS[wait])
    with first_try(kind, tmp_path) as process:
        wait_for(connected, call)
        assert other_logins()
        began = time.monotonic()
        os.kill(process.pid or 0, signal.SIGTERM)
        process.join(timeout=5)
        assert process.exitcode == ENDED
        assert time.monotonic() - began < 5
    assert other_logins() == []
    connected.forget_faults()
    if kind in ("submit", "send", "sync"):
        result = operator(kind, tmp_path).execute(context(StateFile(tmp_path / "state.json")))
        assert result.get("accepted", 3) == 3
        assert result.get("rows", 5) == 5
        requests = connected.requests()
        assert requests.get("POST /invoices/exports", 1) == 1
        assert len(connected.ksef_numbers(subject_type="Subject1")) == (0 if kind == "sync" else 3)
    assert other_logins() == []


def test_a_task_that_has_ended_is_left_alone(connected: EmulatorProcess) -> None:
    with KsefHook().get_conn() as ksef:
        ksef.log_in()
    end_killed_task()


def test_who_is_killed_twice_is_not_disturbed_in_ending(connected: EmulatorProcess) -> None:
    with KsefHook().get_conn() as ksef:
        ksef.log_in()
        with pytest.raises(SystemExit, match="told to end"):
            end_killed_task()
        end_killed_task()
    assert connected.requests()["DELETE /auth/sessions/current"] == 1
