"""What an endpoint is: described once, without input or output, and carried out by two executors."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from airflow_provider_ksef.client.keys import KeyUsage, PublicKey
from airflow_provider_ksef.exceptions import KsefError

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """
    An answer of KSeF, read to its end.

    :param method: of the request.
    :param path: of the request, below the base URL and without query.
    :param status: HTTP status.
    :param headers: names in lower case.
    :param content: the body, decompressed.
    :param received: when it came, in seconds of :func:`time.monotonic`.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    received: float

    @property
    def server_time(self) -> datetime:
        """When KSeF answered, by its own clock; by ours where it does not say."""
        try:
            told = parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return datetime.now(UTC)
        return told if told.tzinfo else told.replace(tzinfo=UTC)

    @property
    def is_html(self) -> bool:
        """Whether this is a page for people: of a gateway or a maintenance notice, not of KSeF's API."""
        start = self.content[:256].lstrip().lower()
        return "text/html" in self.headers.get("content-type", "") or start.startswith(
            (b"<!doctype html", b"<html")
        )


@dataclass(frozen=True)
class Call(Generic[T]):
    """
    One request, and how to read its answer. In a flow: ``result = yield from call``.

    :param method: HTTP method.
    :param path: below the base URL.
    :param parse: reads a successful answer.
    :param body: sent as JSON; Decimal becomes a JSON number. Bytes are XML and sent as they are.
    :param params: the query; a sequence is a parameter that is named several times.
    :param headers: beside those that every request has.
    :param needs_login: whether the access token goes with it.
    :param is_safe: whether it may be repeated when nobody knows if it was carried out.
    :param link: pre-signed URL to use in place of the base URL and the path; never with the access token.
    """

    method: str
    path: str
    parse: Callable[[Answer], T] = field(repr=False)
    body: Any = field(default=None, repr=False)
    params: Mapping[str, str | int | Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    needs_login: bool = True
    is_safe: bool = False
    link: str = field(default="", repr=False)

    def __iter__(self) -> Generator[Step, Any, T]:
        result: T = yield self
        return result


@dataclass(frozen=True)
class Pause:
    """
    Wait within a flow: ``yield from Pause(2)``.

    :param seconds: how long.
    """

    seconds: float

    def __iter__(self) -> Generator[Step, Any, None]:
        yield self


@dataclass(frozen=True)
class CurrentKey:
    """
    Ask for KSeF's current public key: ``key = yield from CurrentKey(usage)``.

    :param usage: what is to be encrypted.
    :param refused: id of a key that KSeF has just refused; where it is the one we know, keys are read anew.
    """

    usage: KeyUsage
    refused: str = ""

    def __iter__(self) -> Generator[Step, Any, PublicKey]:
        key: PublicKey = yield self
        return key


@dataclass(frozen=True)
class Work(Generic[T]):
    """
    Compute within a flow what may take a while: ``signed = yield from Work(sign)``.

    :param compute: no input or output; an executor for asynchronous code has a thread do it.
    """

    compute: Callable[[], T]

    def __iter__(self) -> Generator[Step, Any, T]:
        result: T = yield self
        return result


Step: TypeAlias = Call[Any] | Pause | CurrentKey | Work[Any]
Flow: TypeAlias = Generator[Step, Any, T]
"""Several steps with a result: what takes more than one call. Run once by ``client.run(flow)``."""


class Walk(Generic[T]):
    """
    A flow on its way, for those who carry out its steps.

    :param flow: a flow, or a single call.
    """

    step: Step | None
    """What is to be done next; None at the end."""
    result: T
    """What the flow returned; set at the end."""

    def __init__(self, flow: Flow[T] | Call[T]) -> None:
        self._flow = iter(flow)
        self._advance(partial(next, self._flow))

    def answer(self, outcome: object) -> None:
        """Go on with the step's outcome."""
        self._advance(partial(self._flow.send, outcome))

    def fail(self, error: KsefError) -> None:
        """Raise the step's error inside the flow, which may know what to do about it."""
        self._advance(partial(self._flow.throw, error))

    def _advance(self, move: Callable[[], Step]) -> None:
        try:
            self.step = move()
        except StopIteration as stop:
            self.step = None
            self.result = stop.value
