"""What a task has at hand that makes a secret, of whatever kind."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.client import KsefClient
from airflow_provider_ksef.operators.managing import ManagingOperator, ManagingProgress
from airflow_provider_ksef.operators.pending_places import PendingPlace
from airflow_provider_ksef.operators.secret_sinks import SecretSink


@dataclass(frozen=True)
class SecretTask:
    """
    A task that makes secrets.

    :param operator: says how to wait.
    :param ksef: the client, logged in by certificate.
    :param progress: how far the task has come.
    :param sink: where the secret goes.
    :param place: keeps what is pending.
    """

    operator: ManagingOperator
    ksef: KsefClient
    progress: ManagingProgress
    sink: SecretSink
    place: PendingPlace
