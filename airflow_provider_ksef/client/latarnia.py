"""Latarnia, the public service that says how KSeF is: no login, and no limits."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Call
from airflow_provider_ksef.client.settings import Environment

AVAILABLE = "AVAILABLE"
MAINTENANCE = "MAINTENANCE"
FAILURE = "FAILURE"
TOTAL_FAILURE = "TOTAL_FAILURE"
STATUSES = (AVAILABLE, MAINTENANCE, FAILURE, TOTAL_FAILURE)


@dataclass(frozen=True)
class LatarniaMessage:
    """
    What Latarnia publishes about a failure or a maintenance; texts are Polish.

    :param category: ``FAILURE``, ``TOTAL_FAILURE`` or ``MAINTENANCE``.
    :param type: ``FAILURE_START``, ``FAILURE_END`` or ``MAINTENANCE_ANNOUNCEMENT``.
    :param title: in a few words.
    :param text: in full.
    :param start: when it began or will begin, ISO 8601.
    :param end: when it ended or will end; None while nobody knows.
    """

    category: str
    type: str
    title: str
    text: str
    start: str
    end: str | None = None

    def __str__(self) -> str:
        until = f" until {self.end}" if self.end else ""
        return f"{self.title or self.category}: {self.text} (from {self.start}{until})"


@dataclass(frozen=True)
class LatarniaStatus:
    """
    How KSeF is.

    :param status: one of :data:`STATUSES`, or one that a newer Latarnia knows.
    :param messages: about what is going on.
    """

    status: str
    messages: tuple[LatarniaMessage, ...] = ()

    @property
    def is_available(self) -> bool:
        """Whether KSeF works as it should; a status that nobody here knows does not say so."""
        return self.status == AVAILABLE


class _Message(msgspec.Struct):
    category: str = ""
    type: str = ""
    title: str = ""
    text: str = ""
    start: str = ""
    end: str | None = None


class _Status(msgspec.Struct):
    status: str
    messages: list[_Message] | None = None


def get_status(environment: Environment) -> Call[LatarniaStatus]:
    """
    Ask Latarnia how KSeF is (``GET /status``). On TEST and DEMO it is a mock, whose failures are made up.

    :param environment: whose Latarnia.
    """
    return Call(
        "GET",
        "/latarnia/status",
        _parse_status,
        needs_login=False,
        is_safe=True,
        link=f"{environment.latarnia_url}/status",
    )


def _status(answer: _Status) -> LatarniaStatus:
    messages = (LatarniaMessage(**msgspec.structs.asdict(each)) for each in answer.messages or ())
    return LatarniaStatus(answer.status, tuple(messages))


_parse_status = json_parser(_Status, _status)
