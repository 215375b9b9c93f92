"""What a trigger tells the task that it wakes up, read as the word of a stranger."""

from __future__ import annotations

import math
import time
from typing import Any, Generic, TypeVar

import msgspec

from airflow_provider_ksef.exceptions import KsefTriggererError


class Resume(msgspec.Struct, frozen=True):
    """
    What a task needs to go on with its waiting.

    :param deadline: its end in seconds since the epoch.
    """

    deadline: float


R = TypeVar("R", bound=Resume)


class Event(msgspec.Struct, Generic[R], frozen=True):
    """
    Why a task is woken up.

    :param reference_number: what the trigger has asked for.
    :param resume: what the task has given the trigger to keep.
    :param code: the final code; None where the deadline passed or KSeF could not be asked.
    :param error: why KSeF could not be asked, where it could not.
    """

    reference_number: str
    resume: R
    code: int | None = None
    error: str | None = None


def read_event(event: Any, kind: type[R], *, timeout: float, expected: str | None = None) -> Event[R]:
    """
    Read an event, of which nothing is believed before it was looked at.

    :param event: what Airflow hands over; it may be anything.
    :param kind: what the task has given its trigger to keep.
    :param timeout: seconds that the task waits at most; no event prolongs that.
    :param expected: the reference number that the task waits for, where it knows it by itself.
    :raises KsefTriggererError: where it is none of this task's trigger.
    """
    try:
        read: Event[R] = msgspec.convert(event, Event[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise foreign_event(str(error)) from error
    if expected is not None and read.reference_number != expected:
        raise foreign_event(f"it tells of {read.reference_number!r}, and the task waits for {expected!r}")
    deadline = read.resume.deadline
    if not math.isfinite(deadline):
        raise foreign_event(f"its deadline is {deadline}")
    latest = min(deadline, time.time() + timeout)
    return msgspec.structs.replace(read, resume=msgspec.structs.replace(read.resume, deadline=latest))


def foreign_event(why: str) -> KsefTriggererError:
    """
    Make the error of an event that is not to be believed.

    :param why: what is wrong with it.
    """
    return KsefTriggererError(
        f"What woke the task up is no event of its trigger: {why}.",
        "Nothing is lost: the next try goes on where this one stands. Where it comes again, look whether "
        "workers and triggerer run the same version of airflow-provider-ksef.",
    )
