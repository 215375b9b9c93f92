"""The KSeF token and the AES keys stand nowhere: logs, XCom, triggers, task state, database."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.client import derived_keys
from airflow_provider_ksef.client.crypto import DerivedKey, derive_key
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.verify_invoices import KsefVerifyInvoicesOperator
from tests.emulator_process import TOKEN, EmulatorProcess
from tests.system.airflow_runs import OWN_DAGS, run_dag
from tests.system.conftest import seed
from tests.system.operator_context import NotedState, context
from tests.system.secret_search import assert_none, assert_none_below, spellings, token_spellings


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[bytes]]:
    """Every spelling of the token and of each AES key that is derived while the test runs."""
    found = token_spellings(TOKEN)

    def recording(*arguments: Any, **named: Any) -> DerivedKey:
        derived = derive_key(*arguments, **named)
        found.update(spellings(derived.session_key.key))
        return derived

    monkeypatch.setattr(derived_keys, "derive_key", recording)
    yield found
    assert len(found) > len(spellings(b"x")) * 2, "no key was derived: the test proves nothing"


@pytest.mark.parametrize("how", ["in_place", "deferred"])
def test_no_secret_in_airflow_and_its_logs(
    connected: EmulatorProcess,
    outgoing: Path,
    tmp_path: Path,
    airflow_home: Path,
    secrets: set[bytes],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    how: str,
) -> None:
    now = datetime.now(UTC)
    seed(connected, 30, now - timedelta(days=3), now - timedelta(hours=1))
    with caplog.at_level(logging.DEBUG):
        for sends in ("submit", "send"):
            assert (
                run_dag(
                    OWN_DAGS, f"{sends}_{how}", {"invoices": str(outgoing), "upo_path": str(tmp_path / "upo")}
                ).state
                == "success"
            )
        conf = {"tables_path": str(tmp_path / "tables"), "sync_from": str((now - timedelta(days=5)).date())}
        assert run_dag(OWN_DAGS, f"sync_{how}", conf).state == "success"
        interval = {"date_from": str(now - timedelta(days=5)), "date_to": str(now - timedelta(minutes=30))}
        conf = {"tables_path": str(tmp_path / "backfilled"), **interval}
        assert run_dag(OWN_DAGS, f"backfill_{how}", conf).state == "success"

    printed = capfd.readouterr()
    assert "accepted" in printed.out + printed.err + caplog.text, (
        "nothing was logged: the test proves nothing"
    )
    assert_none(secrets, "what was printed", (printed.out + printed.err).encode())
    assert_none(secrets, "the logs", caplog.text.encode())
    for folder in (airflow_home, tmp_path / "tables", tmp_path / "backfilled"):
        assert_none_below(secrets, folder)


def test_no_secret_in_what_a_deferral_and_a_retry_keep(
    connected: EmulatorProcess, outgoing: Path, tmp_path: Path, secrets: set[bytes]
) -> None:
    seed(connected, 5)
    now = datetime.now(UTC)
    sync_from = str(now.date() - timedelta(days=2))
    interval = {"date_from": sync_from, "date_to": now.isoformat()}
    operators = [
        KsefSubmitBatchOperator(task_id="submit", invoices=str(outgoing), deferrable=True),
        KsefSendInvoicesOperator(task_id="send", invoices=str(outgoing), deferrable=True),
        KsefSyncInvoicesOperator(
            task_id="sync", tables_path=str(tmp_path / "tables"), sync_from=sync_from, deferrable=True
        ),
        KsefBackfillInvoicesOperator(
            task_id="backfill", tables_path=str(tmp_path / "tables"), deferrable=True, **interval
        ),
        KsefVerifyInvoicesOperator(
            task_id="verify", tables_path=str(tmp_path / "tables"), deferrable=True, **interval
        ),
    ]
    for operator in operators:
        noted = NotedState()
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(context(noted))
        assert len(noted) == 1
        kept = repr((deferred.value.trigger.serialize(), dict(noted)))
        assert_none(secrets, "the deferral", kept.encode())


def test_no_secret_in_a_repr(connected: EmulatorProcess, secrets: set[bytes]) -> None:
    derived = derived_keys.derive_key(os.urandom(32), os.urandom(32), purpose="export", context="Nip:1")
    assert_none(secrets, "a repr", repr((derived, derived.session_key)).encode())
