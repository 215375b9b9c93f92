"""One try of a task in a process of its own, which may be killed at any instant and tells where it is."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import tenacity

from airflow_provider_ksef.client import closing, online, online_submission, retries, sessions, waiting
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators import pending_applications
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.certificates import (
    KsefEnrollCertificateOperator,
    KsefRotateCertificateOperator,
)
from airflow_provider_ksef.operators.compaction import KsefCompactTableOperator
from airflow_provider_ksef.operators.online import KsefSendInvoicesOperator
from airflow_provider_ksef.operators.retention import KsefDeleteRowsOperator
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator
from airflow_provider_ksef.tables import lease
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.triggers import polling
from tests.crash.sabotage import SABOTAGES
from tests.crash.telling import tell_all
from tests.system.credential_ways import run_deferred
from tests.system.operator_context import NotedState, context

# What a task imports only where it needs it; the process from which the tries are forked has it ready.
for _module in (
    "airflow.providers.amazon.aws.fs.s3",
    "airflow.sdk.execution_time.supervisor",
    "airflow_provider_ksef.tables.compaction",
    "airflow_provider_ksef.tables.delta",
    "airflow_provider_ksef.tables.documents",
    "airflow_provider_ksef.tables.package",
    "airflow_provider_ksef.tables.row_deletion",
    "airflow_provider_ksef.tables.submissions",
    "airflow_provider_ksef.tables.upo_files",
    "airflow_provider_ksef.transfers.export_rows",
    "airflow_provider_ksef.transfers.subject_sync",
    "airflow_provider_ksef.transfers.window_backfill",
    "airflow_provider_ksef.transfers.window_runs",
    "lxml.etree",
    "pandas",  # pyarrow looks for it
    "s3fs",
):
    import_module(_module)

OPERATORS = {
    "sync": KsefSyncInvoicesOperator,
    "backfill": KsefBackfillInvoicesOperator,
    "compact": KsefCompactTableOperator,
    "delete": KsefDeleteRowsOperator,
    "submit": KsefSubmitBatchOperator,
    "send": KsefSendInvoicesOperator,
    "generate": KsefGenerateTokenOperator,
    "enroll": KsefEnrollCertificateOperator,
    "rotate": KsefRotateCertificateOperator,
}
LEASE_SECONDS = 1.0
"""Short, so that a killed writer's lease soon runs out, and often one of a writer that is still at work."""
FAILED = 3
"""The exit code of a try that ends with one of the package's own errors, as a task does that is retried."""


@dataclass(frozen=True)
class Task:
    """
    A task instance, the same in each of its tries.

    :param kind: one of :data:`OPERATORS`.
    :param run_id: its run.
    :param folder: where its state and its log lie.
    :param environment: the connections.
    :param parameters: the operator's.
    :param sabotage: how the commit is broken, to see that it is found; empty for the commit as it is.
    :param has_state: whether there is a task state store, as from Airflow 3.3 on.
    """

    kind: str
    run_id: str
    folder: Path
    environment: dict[str, str] = field(repr=False)
    parameters: dict[str, Any]
    sabotage: str = ""
    has_state: bool = True

    @property
    def file(self) -> Path:
        return self.folder / f"{self.run_id}.json"


class StateFile(NotedState):
    """A task state store that outlives the process, and keeps a note whole or not at all."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self.file = file

    def set(self, key: str, value: Any) -> None:
        super().set(key, value)
        self._write()

    def delete(self, key: str) -> None:
        super().delete(key)
        self._write()

    def _write(self) -> None:
        written = self.file.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(self))
        written.replace(self.file)


def run_try(task: Task, pipe: Connection) -> None:
    """Do what an Airflow worker does in its process for the task, and tell each step through the pipe."""
    log = os.open(task.file.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(task.environment)
    tempfile.tempdir = str(task.folder)
    with pytest.MonkeyPatch.context() as patch:
        _hurry(patch)
        tell_all(patch, lambda kind, value: pipe.send((kind, value)))
        if task.sabotage:
            SABOTAGES[task.sabotage](patch)
        operator = OPERATORS[task.kind](task_id=task.kind, **task.parameters)
        try:
            state = StateFile(task.file) if task.has_state else None
            result, _ = run_deferred(operator, context(state, task.run_id))
        except KsefError as error:
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
            raise SystemExit(FAILED) from None
        pipe.send(("succeeded", result))


def _hurry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retries, "_backoff", tenacity.wait_fixed(0.05))
    patch.setattr(closing, "PAUSES", (0.1,) * len(closing.PAUSES))
    patch.setattr(online, "SEND_PAUSES", (0.05,) * len(online.SEND_PAUSES))
    patch.setattr(online_submission, "SETTLING", 0.05)
    patch.setattr(sessions, "STORING_PAUSES", (0.1, 0.3))
    patch.setattr(waiting, "FIRST_PAUSE", 0.1)
    patch.setattr(polling, "SETTLING_SECONDS", 0.1)
    patch.setattr(polling, "SPREAD_SECONDS", 0.0)
    patch.setattr(pending_applications, "LOOKING_SECONDS", 0.1)
    patch.setattr(lease, "PAUSE_SECONDS", 0.05)
    patch.setattr(lease, "LEASE_SECONDS", LEASE_SECONDS)
