"""Making tokens and certificates as tests do it, and what KSeF and a sink know of them afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_ksef.client import KsefClient, TokenCredential, ksef_certificates, tokens
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.exceptions import KsefLoginError
from airflow_provider_ksef.hooks.ksef import KsefHook
from airflow_provider_ksef.operators.certificates import (
    KsefEnrollCertificateOperator,
    KsefRotateCertificateOperator,
)
from airflow_provider_ksef.operators.managing import ManagingOperator
from airflow_provider_ksef.operators.secret_sinks import FileSink, NewSecret
from airflow_provider_ksef.operators.tokens import KsefGenerateTokenOperator
from tests.system.operator_context import NotedState, context
from tests.system.test_triggers import event_of

SOON = timedelta(days=800)  # the emulator's certificates live two years
DEFERRED: dict[str, Any] = {"deferrable": True, "poll_interval": 0.2}
REFERENCE = "20260901-EH-1A2B3C7000-0F1E2D3C4E-78"


class KilledError(BaseException):
    """As if the worker had been killed there."""


def generate(sink: Any, **more: Any) -> KsefGenerateTokenOperator:
    given = {"permissions": ["InvoiceRead"], "description": "for the sync", **more}
    return KsefGenerateTokenOperator(task_id="generate", sink=sink, **given)


def enroll(sink: Any, **more: Any) -> KsefEnrollCertificateOperator:
    given = {"certificate_name": "Sync 2026", **more}
    return KsefEnrollCertificateOperator(task_id="enroll", sink=sink, **given)


def rotate(sink: Any, **more: Any) -> KsefRotateCertificateOperator:
    given = {"certificate_name": "Sync 2026", **more}
    return KsefRotateCertificateOperator(task_id="rotate", sink=sink, **given)


def active_tokens() -> set[str]:
    with KsefHook().get_conn() as ksef:
        found = ksef.run(tokens.query(statuses=["Active", "Pending"], description="for the sync"))
    return {each.reference_number for each in found}


def active_certificates() -> set[str]:
    with KsefHook().get_conn() as ksef:
        found = ksef.run(ksef_certificates.query(status="Active"))
    return {each.certificate_serial_number for each in found}


def applications() -> int:
    """How often the company has applied for a certificate."""
    with KsefHook().get_conn() as ksef:
        enrollment = ksef.run(ksef_certificates.limits()).enrollment
    return enrollment.limit - enrollment.remaining


def lets_in(secret: NewSecret | None) -> bool:
    assert secret is not None
    credential = (
        TokenCredential(secret.token)
        if secret.token
        else read_certificate(secret.certificate, secret.private_key)
    )
    try:
        with KsefClient(replace(KsefHook().settings, credential=credential)) as ksef:
            ksef.log_in()
    except KsefLoginError:
        return False
    return True


def run_deferred(operator: ManagingOperator, context: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Run a task to its end, its triggers in this process; give its result and all that it deferred with."""
    deferrals: list[Any] = []
    try:
        return operator.execute(context), deferrals
    except TaskDeferred as deferred:
        waiting = deferred
    while True:
        trigger: Any = waiting.trigger
        deferrals.append(trigger.serialize())
        try:
            return operator.execute_complete(context, event_of(trigger)), deferrals
        except TaskDeferred as deferred:
            waiting = deferred


def kill_at(
    monkeypatch: pytest.MonkeyPatch, operator: Any, where: str, state: NotedState | None = None
) -> None:
    """Kill a task where it would do something for the first time: in place, and before it is done."""

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(FileSink, where, killed)
        with pytest.raises(KilledError):
            operator.execute(context(state))
