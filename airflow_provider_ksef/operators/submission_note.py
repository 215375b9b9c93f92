"""What a task that submits batches notes for its next try: the sessions that it has opened, and how far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_ksef._compat import Context
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.exceptions import KsefError
from airflow_provider_ksef.operators.task_note import TaskNote

STATE_KEY = "batch_submission"


@dataclass(frozen=True)
class SessionNote:
    """
    A batch session that was opened.

    :param session_reference_number: the session in KSeF.
    :param digest: of what was sent in it: form, mode and files.
    :param invoice_count: how many invoices its package holds.
    :param salt: hexadecimal; the package's key is derived with it and the connection's secret.
    :param check_value: hexadecimal; another one means that the secret was changed.
    :param manifest_digest: of the files and the encrypted parts; the same files may be packed to others by
        another machine's library.
    :param is_uploaded: whether all parts are there, so that a close takes effect.
    """

    session_reference_number: str
    digest: str
    invoice_count: int
    salt: str = ""
    check_value: str = ""
    manifest_digest: str = ""
    is_uploaded: bool = False


@dataclass(frozen=True)
class SubmissionNote:
    """
    A submission that a task has begun.

    :param destination: where it goes, and in whose name.
    :param digest: of everything that was to be sent.
    :param invoice_count: of all its sessions.
    :param sessions: those that were opened, in their order.
    :param told_in: see :class:`~airflow_provider_ksef.operators.task_note.Note`.
    """

    destination: str
    digest: str
    invoice_count: int
    sessions: tuple[SessionNote, ...] = ()
    told_in: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether every invoice is uploaded, so that no file needs to be looked at again."""
        uploaded = sum(session.invoice_count for session in self.sessions if session.is_uploaded)
        return bool(self.sessions) and uploaded == self.invoice_count


class SubmissionNotes:
    """
    The note of one task that submits batches.

    :param context: Airflow's.
    :param settings: a note that leads elsewhere is none.
    """

    def __init__(self, context: Context, settings: Settings) -> None:
        self._task = TaskNote(context, settings, STATE_KEY, SubmissionNote)
        self.mark_told = self._task.mark_told

    @property
    def note(self) -> SubmissionNote | None:
        """What is noted."""
        return self._task.note

    @property
    def is_cleared(self) -> bool:
        """Whether the outcome was told and the task is run again on purpose."""
        return self._task.is_cleared

    def begin(self, digest: str, invoice_count: int, sessions: tuple[SessionNote, ...]) -> None:
        """
        Begin a submission anew; it is kept with its next session.

        :param sessions: of an earlier try, which stay part of it.
        """
        self._task.note = SubmissionNote(self._task.destination, digest, invoice_count, sessions)

    def keep(self, session: SessionNote) -> None:
        """
        Keep a session, in place of what was noted of it.

        :raises KsefError: where the store fails: without a note the next try could not know of the session.
        """
        if self.note is None:
            raise LookupError("begin() comes first")
        reference = session.session_reference_number
        others = [each for each in self.note.sessions if each.session_reference_number != reference]
        if not self._task.keep(replace(self.note, sessions=(*others, session))) and not session.is_uploaded:
            raise KsefError(
                f"Session {reference} cannot be noted in the task's state.",
                "Nothing was uploaded to it, so it has no effect: run the task again.",
            )
