"""Where a task keeps what is pending: in its sink, or else as plain facts in its state."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol, TypeGuard

from airflow_provider_ksef._compat import TaskState, mask_secrets
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.hooks.masking import PENDING_FIELD, pending_secrets
from airflow_provider_ksef.operators.pending_secrets import (
    PendingSecret,
    PendingSink,
    pending_fields,
    pending_in,
)
from airflow_provider_ksef.operators.secret_sinks import SecretSink

log = logging.getLogger(__name__)
_METHODS = ("read_pending", "keep_pending", "drop_pending")


class PendingPlace(Protocol):
    """Where a task keeps what is pending."""

    @property
    def survives(self) -> bool:
        """Whether a secret is still there after a kill or a deferral, not the facts about it alone."""

    def read(self) -> PendingSecret | None:
        """Give what is pending."""

    def keep(self, pending: PendingSecret) -> None:
        """Keep it in place of an earlier one."""

    def drop(self) -> None:
        """Forget it."""


class SinkPlace:
    """
    Keep all of it in the sink, where each later try and DAG run finds it.

    :param sink: one that keeps pending secrets.
    """

    survives = True

    def __init__(self, sink: PendingSink) -> None:
        self._sink = sink
        self._is_there = False

    def read(self) -> PendingSecret | None:
        """Read it, and keep it out of the logs."""
        pending = self._sink.read_pending()
        self._is_there = pending is not None
        if pending is not None:
            _mask(pending)
        return pending

    def keep(self, pending: PendingSecret) -> None:
        """Keep it out of the logs, and keep it."""
        _mask(pending)
        self._is_there = True
        self._sink.keep_pending(pending)

    def drop(self) -> None:
        """Forget it where there is one; a sink may be slow to be asked."""
        if self._is_there:
            self._sink.drop_pending()
        self._is_there = False


class TaskPlace:
    """
    Keep the secret in memory and the facts in the task's state, which tell the next try what was lost.

    :param state: the task's.
    :param key: in it.
    """

    survives = False

    def __init__(self, state: TaskState, key: str) -> None:
        self._state = state
        self._key = key

    def read(self) -> PendingSecret | None:
        """Give the facts that an earlier try has noted."""
        noted = self._state.get(self._key)
        if not noted:
            return None
        try:
            return pending_in(noted, f"The task's state {self._key}")
        except KsefError as error:
            log.warning("%s Going on without it.", error)
            return None

    def keep(self, pending: PendingSecret) -> None:
        """Note the facts."""
        _mask(pending)
        self._state.set(self._key, pending_fields(replace(pending, token="", private_key="")))

    def drop(self) -> None:
        """Forget the note."""
        self._state.delete(self._key)


def pending_place(sink: SecretSink, state: TaskState, key: str) -> PendingPlace:
    """
    Tell where a task keeps what is pending.

    :param sink: the task's; an object without the methods of :class:`~.pending_secrets.PendingSink` keeps
        nothing.
    :param state: the task's.
    :param key: in the task's state.
    """
    return SinkPlace(sink) if keeps_pending(sink) else TaskPlace(state, key)


def keeps_pending(sink: object) -> TypeGuard[PendingSink]:
    """Whether a sink keeps pending secrets: whether it has the methods for it."""
    return all(hasattr(sink, name) for name in _METHODS)


def _mask(pending: PendingSecret) -> None:
    mask_secrets(pending_secrets({PENDING_FIELD: pending_fields(pending)}))
