"""What a submitting task notes for its next try: references and counts, no secret and no invoice."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

from airflow_provider_ksef._compat import Context, max_tries, task_state
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.exceptions import KsefError

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
    :param told_in: ``max_tries`` of the task when it told the outcome. A retry keeps that number, clearing
        raises it: from then on only the same files mean this session.
    """

    session_reference_number: str
    destination: str
    digest: str
    invoice_count: int
    is_uploaded: bool = False
    told_in: int | None = None


class SubmissionNotes:
    """
    The note of one task.

    :param context: Airflow's.
    :param settings: a note that leads elsewhere is none.
    """

    def __init__(self, context: Context, settings: Settings) -> None:
        self._state = task_state(context)
        self.max_tries = max_tries(context)
        self.destination = destination_of(settings)
        self.note = self._read()

    @property
    def is_cleared(self) -> bool:
        """Whether the outcome was told and the task is run again on purpose."""
        return self.note is not None and self.note.told_in not in (None, self.max_tries)

    def write(self, note: SubmissionNote) -> None:
        """
        Keep a note in place of an earlier one.

        :raises KsefError: where the store fails: without a note the next try could not know of the session.
        """
        self.note = note
        if not self._state.set(STATE_KEY, asdict(note)):
            raise KsefError(
                f"Session {note.session_reference_number} cannot be noted in the task's state.",
                "Nothing was uploaded, so the session has no effect: run the task again.",
            )

    def mark_uploaded(self) -> None:
        """Note that the session lacks nothing but its close."""
        self._change(is_uploaded=True)

    def mark_told(self) -> None:
        """Note that the session's outcome was told."""
        self._change(told_in=self.max_tries)

    def _change(self, **members: Any) -> None:
        if self.note is not None:
            self.note = replace(self.note, **members)
            self._state.set(STATE_KEY, asdict(self.note))

    def _read(self) -> SubmissionNote | None:
        noted = self._state.get(STATE_KEY)
        try:
            note = SubmissionNote(**noted) if noted else None
        except TypeError as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %s", error)
            return None
        return note if note and note.destination == self.destination else None


def destination_of(settings: Settings) -> str:
    """Name where a client sends to, and in whose name."""
    return f"{settings.environment.base_url} {settings.context.type}:{settings.context.value}"
