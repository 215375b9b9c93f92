"""Submitting a folder as tests do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.batch import KsefSubmitBatchOperator
from airflow_provider_ksef.operators.batch_sending import Batch, BatchSender
from airflow_provider_ksef.operators.submission_note import SessionNote
from tests.system.operator_context import NotedState, context


def operator(invoices: Path, **parameters: Any) -> KsefSubmitBatchOperator:
    """A task that soon asks again how a session stands."""
    given = {"poll_interval": 0.1, **parameters}
    return KsefSubmitBatchOperator(task_id="submit", invoices=str(invoices), **given)


def send_one_session(
    monkeypatch: pytest.MonkeyPatch, task: KsefSubmitBatchOperator, state: NotedState | None
) -> None:
    """Let a try send one session, and fail before the second one."""
    sent: list[Batch] = []
    send = BatchSender.send

    def send_one(sender: BatchSender, batch: Batch, unclosed: SessionNote | None) -> None:
        if sent:
            raise KsefError("The worker is out of disk.", "Try again.")
        sent.append(batch)
        send(sender, batch, unclosed)

    with monkeypatch.context() as patched:
        patched.setattr(BatchSender, "send", send_one)
        with pytest.raises(KsefError, match="disk"):
            task.execute(context(state))
