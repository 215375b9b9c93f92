"""What a task that sends invoices one by one notes for its next try: references and counts, no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.online_progress import OnlineProgress
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.task_note import TaskNote

STATE_KEY = "online_session"


@dataclass(frozen=True)
class OnlineNote:
    """
    An interactive submission that a task has begun.

    :param destination: where it goes, and in whose name.
    :param digest: of what was to be sent.
    :param progress: how far it has come.
    :param told_in: see :class:`~airflow_provider_ksef.operators.task_note.Note`.
    """

    destination: str
    digest: str
    progress: OnlineProgress = field(default_factory=OnlineProgress)
    told_in: int | None = None


class OnlineNotes:
    """
    The note of one task that sends invoices one by one.

    :param context: Airflow's.
    :param settings: a note that leads elsewhere is none.
    :param given: the note of a task that is woken up, which on an older Airflow has no other.
    """

    def __init__(self, context: Context, settings: Settings, given: Mapping[str, Any] | None = None) -> None:
        self._task = TaskNote(context, settings, STATE_KEY, OnlineNote, given)
        self.mark_told = self._task.mark_told
        self.as_json = self._task.as_json

    @property
    def note(self) -> OnlineNote | None:
        """What is noted."""
        return self._task.note

    @property
    def is_cleared(self) -> bool:
        """Whether the outcome was told and the task is run again on purpose."""
        return self._task.is_cleared

    def begin(self, digest: str, progress: OnlineProgress) -> OnlineNote:
        """
        Begin a note; it is kept with the next step.

        :param digest: of what is to be sent.
        :param progress: of an earlier try, which stays part of it.
        """
        self._task.note = note = OnlineNote(self._task.destination, digest, progress)
        return note

    def keep(self, progress: OnlineProgress) -> None:
        """
        Keep how far the submission has come.

        :raises KsefError: where the store fails: without a note the next try could not know of the session.
        """
        if self.note is not None and not self._task.keep(replace(self.note, progress=progress)):
            raise KsefError(
                f"Session {', '.join(progress.sessions)} cannot be noted in the task's state.",
                "Run the task again: KSeF rejects as a duplicate what it has already.",
            )
