"""What a submitting task notes for its next try: references and counts, no secret and no invoice."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace

from airflow_provider_ksef._compat import TaskState
from airflow_provider_ksef.client import Settings

log = logging.getLogger(__name__)
STATE_KEY = "batch_session"


@dataclass(frozen=True)
class SubmissionNote:
    """
    A batch session that a task has opened.

    :param session_reference_number: the session in KSeF.
    :param destination: where it was opened, and in whose name.
    :param digest: of what was to be sent.
    :param invoice_count: how many invoices its package holds.
    :param is_uploaded: whether all parts are there, so that a close takes effect.
    :param is_told: whether the task has told its outcome; from then on only the same files mean this session.
    """

    session_reference_number: str
    destination: str
    digest: str
    invoice_count: int
    is_uploaded: bool = False
    is_told: bool = False


class SubmissionNotes:
    """
    The note of one task.

    :param state: the task's state store.
    :param settings: a note that leads elsewhere is none.
    """

    def __init__(self, state: TaskState, settings: Settings) -> None:
        self._state = state
        self.destination = destination_of(settings)

    def read(self) -> SubmissionNote | None:
        """Give what an earlier try noted."""
        noted = self._state.get(STATE_KEY)
        try:
            note = SubmissionNote(**noted) if noted else None
        except TypeError as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %s", error)
            return None
        return note if note and note.destination == self.destination else None

    def write(self, note: SubmissionNote) -> None:
        """Keep a note in place of an earlier one."""
        self._state.set(STATE_KEY, asdict(note))

    def mark_uploaded(self) -> None:
        """Note that the session lacks nothing but its close."""
        note = self.read()
        if note is not None:
            self.write(replace(note, is_uploaded=True))

    def mark_told(self) -> None:
        """Note that the session's outcome was told."""
        note = self.read()
        if note is not None:
            self.write(replace(note, is_told=True))


def destination_of(settings: Settings) -> str:
    """Name where a client sends to, and in whose name."""
    return f"{settings.environment.base_url} {settings.context.type}:{settings.context.value}"
