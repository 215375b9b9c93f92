"""Latarnia, the public service that says how KSeF is: failures and maintenance, past and to come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_ksef.emulator.moments import format_error_moment
from airflow_provider_ksef.emulator.store.database import Database, Row
from airflow_provider_ksef.emulator.wire import present


class State(StrEnum):
    """How KSeF is, the worst last."""

    AVAILABLE = "AVAILABLE"
    MAINTENANCE = "MAINTENANCE"
    FAILURE = "FAILURE"
    TOTAL_FAILURE = "TOTAL_FAILURE"


_SEVERITY = list(State)
_TITLES = {
    State.MAINTENANCE: "Prace serwisowe KSeF",
    State.FAILURE: "Awaria KSeF",
    State.TOTAL_FAILURE: "Awaria całkowita KSeF",
}
_COLUMNS = "id, state, title, text, start, end, published"


@dataclass(frozen=True)
class Event:
    """A failure or a maintenance. Moments are in ticks; ``end`` is None while nobody knows it."""

    id: int
    state: State
    title: str
    text: str
    start: int
    end: int | None
    published: int

    def is_running(self, now: int) -> bool:
        return self.start <= now and (self.end is None or now < self.end)

    def messages(self, now: int) -> list[dict[str, Any]]:
        """What is published about it: a failure has a second message when it is over."""
        if self.state is State.MAINTENANCE:
            return [self._message("MAINTENANCE_ANNOUNCEMENT", 1, self.end, self.published)]
        begun = self._message("FAILURE_START", 1, None, self.published)
        if self.end is None or now < self.end:
            return [begun]
        return [begun, self._message("FAILURE_END", 2, self.end, self.end)]

    def _message(self, kind: str, version: int, end: int | None, published: int) -> dict[str, Any]:
        return present(
            id=f"{self.id}-{version}",
            eventId=self.id,
            category=self.state,
            type=kind,
            title=self.title,
            text=self.text,
            start=format_error_moment(self.start),
            end=None if end is None else format_error_moment(end),
            version=version,
            published=format_error_moment(published),
        )


class Latarnia:
    """
    What Latarnia knows.

    :param database: keeps it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, state: State, text: str, start: int, end: int | None, now: int) -> None:
        """Publish a failure or a maintenance."""
        self._database.execute(
            f"INSERT INTO latarnia ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?)",  # noqa: S608  a constant
            (state, _TITLES[state], text, start, end, now),
        )

    def end_all(self, now: int) -> None:
        """Let whatever is running be over, and forget what was announced for later."""
        self._database.execute("DELETE FROM latarnia WHERE start > ?", (now,))
        self._database.execute("UPDATE latarnia SET end = ? WHERE end IS NULL OR end > ?", (now, now))

    def status(self, now: int) -> dict[str, Any]:
        """The answer of ``GET /latarnia/status``: the worst of what is running, with its messages."""
        running = [event for event in self._events() if event.is_running(now)]
        worst = max((event.state for event in running), key=_SEVERITY.index, default=State.AVAILABLE)
        messages = [message for event in running for message in event.messages(now)]
        return present(status=worst, messages=messages or None)

    def messages(self, now: int) -> list[dict[str, Any]]:
        """The answer of ``GET /latarnia/messages``: everything that was ever published, the newest first."""
        messages = [message for event in self._events() for message in event.messages(now)]
        return sorted(messages, key=lambda message: str(message["published"]), reverse=True)

    def _events(self) -> list[Event]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM latarnia ORDER BY id DESC")  # noqa: S608  a constant
        return [_event(row) for row in rows]


def _event(row: Row) -> Event:
    identity, state, *rest = row
    return Event(identity, State(state), *rest)
