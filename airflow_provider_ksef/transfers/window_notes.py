"""What a task notes of its windows, so that its next try leaves out those that are done."""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_ksef._compat import Context, max_tries, task_state
from airflow_provider_ksef.transfers.progress import Progress

log = logging.getLogger(__name__)
STATE_KEY = "windows"


class WindowNotes:
    """
    The note of one task.

    A retry goes on where the note stands. Clearing the task, which raises its ``max_tries``, begins with all
    windows again: whoever clears it may have changed the tables.

    :param context: Airflow's.
    :param place: names what the windows are of; a note of another place is none.
    """

    def __init__(self, context: Context, place: str) -> None:
        self._state = task_state(context)
        self._head = {"place": place, "max_tries": max_tries(context)}

    def restore(self) -> Progress:
        """Give the windows that are done, and where the others stand."""
        noted = self._state.get(STATE_KEY)
        try:
            if not noted or {key: noted[key] for key in self._head} != self._head:
                return Progress()
            units = {str(name): _without_error(kept) for name, kept in noted["units"].items()}
            return Progress(done=[str(name) for name in noted["done"]], units=units)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %s", error)
            return Progress()

    def write(self, progress: Progress) -> None:
        """Note how far the windows are."""
        self._state.set(STATE_KEY, {**self._head, "done": progress.done, "units": progress.units})

    def forget(self) -> None:
        """Drop the note: all is done, and the same task run again means all windows again."""
        self._state.delete(STATE_KEY)


def _without_error(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kept.items() if name != "error"}
