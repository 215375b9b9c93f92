"""One try of a task in a process of its own, which may be killed at any instant and tells where it is."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import pytest
import tenacity

from airflow_provider_ksef.client import closing, retries
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.tables import commit, delta, lease, leased
from airflow_provider_ksef.tables.incoming import CommittedWindow, IncomingRows
from airflow_provider_ksef.tables.lease import Step
from airflow_provider_ksef.transfers.invoices_to_parquet import (
    KsefBackfillInvoicesOperator,
    KsefSyncInvoicesOperator,
)
from airflow_provider_ksef.transfers.progress import Taken
from airflow_provider_ksef.transfers.table_writer import TableWriter
from tests.crash.sabotage import SABOTAGES
from tests.system.operator_context import NotedState, context

# What a task imports only where it needs it; the process from which the tries are forked has it ready.
for _module in (
    "airflow.providers.amazon.aws.fs.s3",
    "airflow.sdk.execution_time.supervisor",
    "airflow_provider_ksef.tables.documents",
    "airflow_provider_ksef.tables.package",
    "airflow_provider_ksef.transfers.export_rows",
    "airflow_provider_ksef.transfers.subject_sync",
    "airflow_provider_ksef.transfers.window_backfill",
    "airflow_provider_ksef.transfers.window_runs",
    "pandas",  # pyarrow looks for it
    "s3fs",
):
    import_module(_module)

OPERATORS = {"sync": KsefSyncInvoicesOperator, "backfill": KsefBackfillInvoicesOperator}
LEASE_SECONDS = 1.0
"""Short, so that a killed writer's lease soon runs out, and often one of a writer that is still at work."""
FAILED = 3
"""The exit code of a try that ends with one of the package's own errors, as a task does that is retried."""

Tell = Callable[[str, Any], None]


@dataclass(frozen=True)
class Task:
    """
    A task instance, the same in each of its tries.

    :param kind: ``sync`` or ``backfill``.
    :param run_id: its run.
    :param folder: where its state and its log lie.
    :param environment: the connections.
    :param parameters: the operator's.
    :param sabotage: how the commit is broken, to see that it is found; empty for the commit as it is.
    """

    kind: str
    run_id: str
    folder: Path
    environment: dict[str, str] = field(repr=False)
    parameters: dict[str, Any]
    sabotage: str = ""

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
        _tell_steps(patch, lambda kind, value: pipe.send((kind, value)))
        if task.sabotage:
            SABOTAGES[task.sabotage](patch)
        operator = OPERATORS[task.kind](task_id=task.kind, poll_interval=0.05, **task.parameters)
        try:
            result = operator.execute(context(StateFile(task.file), task.run_id))
        except KsefError as error:
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
            raise SystemExit(FAILED) from None
        pipe.send(("succeeded", result))


def _hurry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retries, "_backoff", tenacity.wait_fixed(0.05))
    patch.setattr(closing, "PAUSES", (0.1,) * len(closing.PAUSES))
    patch.setattr(lease, "PAUSE_SECONDS", 0.05)
    patch.setattr(lease, "LEASE_SECONDS", LEASE_SECONDS)


def _tell_steps(patch: pytest.MonkeyPatch, tell: Tell) -> None:
    """Let requests to KSeF, steps of a commit and whole commits be told, and change nothing of them."""
    request, run, whole = httpx.HTTPTransport.handle_request, leased.run_steps, TableWriter.commit

    def telling_request(transport: httpx.HTTPTransport, asked: httpx.Request) -> httpx.Response:
        tell("step", f"{asked.method} {_endpoint(asked.url.path)}")
        return request(transport, asked)

    def telling_steps(running: Generator[Step, None, Any]) -> Generator[Step, None, Any]:
        while True:
            try:
                step = next(running)
            except StopIteration as done:
                return done.value
            tell("step", step if isinstance(step, str) else "lease: waiting")
            yield step

    def telling_commit(
        writer: TableWriter, window: CommittedWindow, rows: IncomingRows, *, moves_watermark: bool
    ) -> Taken:
        tell("committing", window.end)
        taken = whole(writer, window, rows, moves_watermark=moves_watermark)
        tell("committed", window.end)
        return taken

    patch.setattr(httpx.HTTPTransport, "handle_request", telling_request)
    for module in (commit, delta):
        patch.setattr(module, "run_steps", lambda running: run(telling_steps(running)))
    patch.setattr(TableWriter, "commit", telling_commit)


def _endpoint(path: str) -> str:
    """Name what is asked for without the references in it."""
    parts = path.removeprefix("/v2").strip("/").split("/")
    return "/".join(part for part in parts if not any(character.isdigit() for character in part))
