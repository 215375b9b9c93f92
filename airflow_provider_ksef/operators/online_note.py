"""What a task that sends invoices one by one notes for its next try: references and counts, no secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from airflow_provider_ksef._compat import Context, max_tries, task_state
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.client.online_progress import OnlineProgress
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.submission_note import destination_of

log = logging.getLogger(__name__)
STATE_KEY = "online_session"


@dataclass(frozen=True)
class OnlineNote:
    """
    An interactive submission that a task has begun.

    :param destination: where it goes, and in whose name.
    :param digest: of what was to be sent.
    :param progress: how far it has come.
    :param told_in: ``max_tries`` of the task when it told the outcome. A retry keeps that number, clearing
        raises it: from then on only the same files mean this submission.
    """

    destination: str
    digest: str
    progress: OnlineProgress = field(default_factory=OnlineProgress)
    told_in: int | None = None


class OnlineNotes:
    """
    The note of one task.

    :param context: Airflow's.
    :param settings: a note that leads elsewhere is none.
    :param given: the note of a task that is woken up, which on an older Airflow has no other.
    """

    def __init__(self, context: Context, settings: Settings, given: Mapping[str, Any] | None = None) -> None:
        self._state = task_state(context)
        self.max_tries = max_tries(context)
        self.destination = destination_of(settings)
        noted = self._state.get(STATE_KEY) if given is None else given
        self.note = self._read(noted)

    @property
    def is_cleared(self) -> bool:
        """Whether the outcome was told and the task is run again on purpose."""
        return self.note is not None and self.note.told_in not in (None, self.max_tries)

    def begin(self, digest: str) -> OnlineNote:
        """Begin a note; it is kept with the first session."""
        self.note = OnlineNote(self.destination, digest)
        return self.note

    def keep(self, progress: OnlineProgress) -> None:
        """
        Keep how far the submission has come.

        :raises KsefError: where the store fails: without a note the next try could not know of the session.
        """
        if not self._change(progress=progress):
            raise KsefError(
                f"Session {progress.sessions[-1]} cannot be noted in the task's state.",
                "Run the task again: KSeF rejects as a duplicate what it has already.",
            )

    def mark_told(self) -> None:
        """Note that the outcome was told."""
        self._change(told_in=self.max_tries)

    def as_json(self) -> dict[str, Any]:
        """Give the note as a trigger may carry it."""
        return _as_json(self.note) if self.note else {}

    def _change(self, **members: Any) -> bool:
        if self.note is None:
            return True
        self.note = replace(self.note, **members)
        return self._state.set(STATE_KEY, _as_json(self.note))

    def _read(self, noted: Any) -> OnlineNote | None:
        try:
            note = _note_of(noted) if noted else None
        except (TypeError, KeyError) as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %r", error)
            return None
        return note if note and note.destination == self.destination else None


def _as_json(note: OnlineNote) -> dict[str, Any]:
    noted = asdict(note)
    noted["progress"]["sessions"] = list(note.progress.sessions)
    return noted


def _note_of(noted: Mapping[str, Any]) -> OnlineNote:
    progress = OnlineProgress(**noted["progress"])
    return OnlineNote(**{**noted, "progress": replace(progress, sessions=tuple(progress.sessions))})
