"""What a sending task notes for its next try: references and counts as plain JSON, and no secret."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from airflow_provider_ksef._compat import Context, max_tries, task_state
from airflow_provider_ksef.client import Settings
from airflow_provider_ksef.exceptions import KsefError

log = logging.getLogger(__name__)
_PLAIN = msgspec.json.Decoder(dict[str, Any])


class Note(Protocol):
    """What every note has, a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def destination(self) -> str:
        """Where the invoices go, and in whose name."""

    @property
    def digest(self) -> str:
        """Of what was to be sent."""

    @property
    def told_in(self) -> int | None:
        """
        ``max_tries`` of the task when it told the outcome. A retry keeps that number, clearing raises it:
        from then on only the same files mean this submission.
        """


N = TypeVar("N", bound=Note)


class TaskNote(Generic[N]):
    """
    The note of one task.

    :param context: Airflow's.
    :param settings: a note that leads elsewhere is none.
    :param key: in the task's state.
    :param kind: the note's class.
    :param given: the note of a task that is woken up, which on an older Airflow has no other.
    :raises KsefError: where there is a store that cannot be read.
    """

    def __init__(
        self,
        context: Context,
        settings: Settings,
        key: str,
        kind: type[N],
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self._state = task_state(context)
        self._max_tries = max_tries(context)
        self._key = key
        self.destination = destination_of(settings)
        self.note = self._read(kind, self._noted() if given is None else given)

    @property
    def is_cleared(self) -> bool:
        """Whether the outcome was told and the task is run again on purpose."""
        return self.note is not None and self.note.told_in not in (None, self._max_tries)

    def keep(self, note: N) -> bool:
        """Keep a note in place of an earlier one; False where the store that is there has failed."""
        self.note = note
        return self._state.set(self._key, self.as_json())

    def mark_told(self) -> None:
        """Note that the outcome was told."""
        if self.note is not None:
            self.keep(replace(self.note, told_in=self._max_tries))

    def as_json(self) -> dict[str, Any]:
        """Give the note as a trigger may carry it."""
        return {} if self.note is None else _PLAIN.decode(msgspec.json.encode(self.note))

    def _noted(self) -> Any:
        try:
            return self._state.require(self._key)
        except Exception as error:  # a store may fail in many ways
            raise KsefError(
                f"The task's state cannot be read, so it is not known what an earlier try has sent: {error}",
                "Run the task again once Airflow gives its state.",
            ) from error

    def _read(self, kind: type[N], noted: Any) -> N | None:
        if not noted:
            return None
        try:
            note = msgspec.convert(noted, kind)
        except msgspec.ValidationError as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %s", error)
            return None
        return note if note.destination == self.destination else None


def destination_of(settings: Settings) -> str:
    """Name where a client sends to, and in whose name."""
    return f"{settings.environment.base_url} {settings.context.type}:{settings.context.value}"
