"""What a task notes of its windows, so that its next try leaves out those that are done."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_ksef._compat import Context, max_tries, task_state
from airflow_provider_ksef.transfers.progress import Progress

if TYPE_CHECKING:
    from airflow_provider_ksef.transfers.export_operator import KsefExportOperator

log = logging.getLogger(__name__)
STATE_KEY = "windows"


class WindowNotes:
    """
    The note of one task.

    A retry goes on where the note stands, also where all is done and the last try died before Airflow knew.
    Clearing the task, which raises its ``max_tries``, begins with all windows again: whoever clears it may
    have changed the tables.

    :param context: Airflow's.
    :param place: names what the windows are of; a note of another place is none.
    :param task: what is done with each window, as the DAG's author gave it; done otherwise it is not done.
    """

    def __init__(self, context: Context, place: str, task: Mapping[str, object]) -> None:
        self._state = task_state(context)
        self._head = {"place": place, "task": dict(task), "max_tries": max_tries(context)}

    def restore(self) -> Progress:
        """Give the windows that are done, and where the others stand."""
        noted = self._state.get(STATE_KEY)
        try:
            if not noted or {key: noted[key] for key in self._head} != self._head:
                return Progress()
            units = {str(name): _without_error(kept) for name, kept in noted["units"].items()}
            done = [str(name) for name in noted["done"]]
            return Progress(done=done, units=units, until=dict(noted["until"]))
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            log.warning("The note of an earlier try cannot be read, going on without it: %s", error)
            return Progress()

    def write(self, progress: Progress) -> None:
        """Note how far the windows are."""
        kept = {"done": progress.done, "units": progress.units, "until": progress.until}
        self._state.set(STATE_KEY, {**self._head, **kept})


def notes_of(operator: KsefExportOperator, context: Context, **task: object) -> WindowNotes:
    """
    Open the note of a task.

    :param task: see :class:`WindowNotes`, plain JSON.
    """
    place = (str(operator.tables_path), operator.ksef_conn_id, str(operator.context_identifier))
    return WindowNotes(context, " ".join(place), {**task, "table_format": operator.table_format})


def _without_error(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kept.items() if name != "error"}
