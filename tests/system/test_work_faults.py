"""Faults that the emulator takes orders for: what the operators do, and what a DAG author sees."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import (
    KsefError,
    KsefExportError,
    KsefIntegrityError,
    KsefLoginError,
    KsefTimeoutError,
    KsefTransportError,
    KsefUnavailableError,
)
from airflow_provider_ksef.tables import read
from airflow_provider_ksef.transfers.invoices_to_parquet import KsefSyncInvoicesOperator
from tests.emulator_process import NIP, TOKEN, EmulatorProcess
from tests.system.conftest import seed
from tests.system.operator_context import context

COUNT = 30
PAGE = "<html><title>Przerwa techniczna</title></html>"


@pytest.fixture
def received(connected: EmulatorProcess) -> EmulatorProcess:
    now = datetime.now(UTC)
    seed(connected, COUNT, now - timedelta(days=20), now - timedelta(hours=1))
    return connected


@pytest.fixture
def sync(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(**parameters: Any) -> dict[str, Any]:
        operator = KsefSyncInvoicesOperator(
            task_id="sync",
            tables_path=str(tmp_path / "tables"),
            sync_from=str((datetime.now(UTC) - timedelta(days=30)).date()),
            poll_interval=0.1,
            **parameters,
        )
        result: dict[str, Any] = operator.execute(context())
        return result

    return run


def is_whole(tables: Path, emulator: EmulatorProcess) -> bool:
    found = read("invoices", tables).column("ksef_number").to_pylist()
    return sorted(found) == sorted(emulator.ksef_numbers())


PASSING = {
    "wrong hash": {"kind": "wrong-part-hash"},
    "cut metadata": {"kind": "truncated-metadata"},
    "lost key": {"kind": "export-status", "code": 415},
    "unknown error": {"kind": "export-status", "code": 500},
    "broken off": {"kind": "export-status", "code": 550},
}


@pytest.mark.parametrize("fault", PASSING)
def test_an_export_that_goes_wrong_once_is_begun_anew(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], tmp_path: Path, fault: str
) -> None:
    received.control("faults", **PASSING[fault])
    assert sync()["rows"] == COUNT
    assert received.requests()["POST /invoices/exports"] == 2
    assert is_whole(tmp_path / "tables", received)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("wrong hash", KsefIntegrityError, "announced hash"),
        ("cut metadata", KsefIntegrityError, "metadata"),
        ("lost key", KsefExportError, "status 415"),
        ("unknown error", KsefExportError, "status 500"),
        ("broken off", KsefExportError, "status 550"),
    ],
)
def test_an_export_that_goes_wrong_each_time_fails_the_task_and_leaves_the_table(
    received: EmulatorProcess,
    sync: Callable[..., dict[str, Any]],
    tmp_path: Path,
    fault: str,
    error: type[KsefError],
    words: str,
) -> None:
    sync()
    seed(received, 5)
    received.control("clock", advance=2)
    begun = received.requests()["POST /invoices/exports"]
    received.control("faults", **PASSING[fault], times=20)
    with pytest.raises(error, match=words) as failed:
        sync()
    assert failed.value.remedy
    assert received.requests()["POST /invoices/exports"] - begun <= 3  # KSeF allows 20 an hour
    assert read("invoices", tmp_path / "tables").num_rows == COUNT
    received.control("reset")


def test_an_export_beyond_what_is_stored_brings_nothing_and_moves_nothing(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    before = sync()["watermark"]
    received.control("faults", kind="export-status", code=420)
    result = sync()
    assert (result["rows"], result["watermark"]) == (0, before)


def test_an_export_that_hangs_is_given_up_within_its_time(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    received.control("faults", kind="export-status", code=100, times=9)
    with pytest.raises(KsefTimeoutError, match="was not ready within"):
        sync(timeout=0.5)
    assert not (tmp_path / "tables" / "invoices").exists()


@pytest.mark.parametrize("code", [415, 450, 460, 470, 480, 500, 550])
def test_a_refused_login_names_the_sub_cause_and_what_to_do(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], code: int
) -> None:
    received.control("faults", kind="login-status", code=code, detail="Certyfikat zawieszony")
    with pytest.raises(KsefLoginError, match=rf"status {code}: .* \(Certyfikat zawieszony\)\.") as refused:
        sync()
    assert refused.value.remedy
    assert received.requests()["POST /auth/ksef-token"] == 1


@pytest.mark.parametrize("status", [200, 502])
def test_a_page_of_the_gateway_is_an_outage(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], status: int
) -> None:
    received.control("faults", path="^/v2/", times=50, status=status, body=PAGE)
    with pytest.raises(KsefUnavailableError, match=rf"HTTP {status}.*HTML page titled 'Przerwa techniczna'"):
        sync()


def test_an_answer_that_does_not_come_is_told_with_the_time_waited(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "ksef", "login": NIP, "password": TOKEN, "host": received.url}
    impatient = json.dumps({**connection, "extra": {"timeout": 0.2}})
    monkeypatch.setenv("AIRFLOW_CONN_KSEF_DEFAULT", impatient)
    received.control("faults", method="POST", path="/v2/auth/challenge", times=9, delay=1)
    with pytest.raises(KsefTransportError, match=r"No answer to POST /auth/challenge"):
        sync()


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_connection_that_is_cut_once_is_not_noticed(
    received: EmulatorProcess, sync: Callable[..., dict[str, Any]], tmp_path: Path, drop: str
) -> None:
    received.control("faults", method="GET", path="/v2/invoices/exports/", times=1, drop=drop)
    assert sync()["rows"] == COUNT
    assert is_whole(tmp_path / "tables", received)
