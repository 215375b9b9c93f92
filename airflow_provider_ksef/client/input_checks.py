"""Checks of parameters that many requests have: choices, lengths, pages, moments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard

from airflow_provider_ksef.exceptions import KsefInputError

DESCRIPTION_LENGTH = (5, 256)
"""Least and most characters of the descriptions of permissions, tokens and test data."""


def check_choice(field: str, value: str, known: Collection[str]) -> str:
    """
    Give a value back that KSeF takes.

    :param field: the parameter that it came from.
    :raises KsefInputError: where it is none of the known ones.
    """
    if value not in known:
        raise KsefInputError(
            field, value, "is none of those that KSeF takes here", f"Give one of: {', '.join(known)}."
        )
    return value


def check_choices(field: str, values: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """
    Give values back of which there is one at least, each known to KSeF and named once.

    :param field: the parameter that they came from.
    :raises KsefInputError: where there is none, one is unknown, or one is named twice.
    """
    if isinstance(values, str) or not values:
        raise KsefInputError(field, values, "is no list of one or more", f"Give some of: {', '.join(known)}.")
    for value in values:
        check_choice(field, value, known)
    if len(set(values)) < len(values):
        raise KsefInputError(field, list(values), "names something twice", "Name each of them once.")
    return tuple(values)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """
    Whether something holds values in order: a list, a tuple, or the results of a mapped task.

    :param value: of a parameter.
    """
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def check_length(field: str, value: str, least: int, most: int) -> str:
    """
    Give a text back that is as long as KSeF takes it.

    :param field: the parameter that it came from.
    :param least: characters.
    :param most: characters.
    :raises KsefInputError: where it is shorter or longer, or no text.
    """
    if not _is_text(value):
        raise KsefInputError(field, value, "is no text", "Give one in quotation marks.")
    if not least <= len(value) <= most:
        raise KsefInputError(
            field,
            value,
            f"has {len(value)} characters, and KSeF takes {least} to {most}",
            f"Give a text of {least} to {most} characters.",
        )
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_moment(value: object) -> bool:
    return isinstance(value, datetime)


def check_description(value: str, field: str = "description") -> str:
    """
    Give a description back that is as long as KSeF takes it: 5 to 256 characters.

    :raises KsefInputError: where it is shorter or longer.
    """
    return check_length(field, value, *DESCRIPTION_LENGTH)


def check_number(field: str, value: int, least: int, most: int) -> int:
    """
    Give a number back that lies within KSeF's bounds, both inclusive.

    :raises KsefInputError: where it does not.
    """
    if not least <= value <= most:
        raise KsefInputError(field, value, f"KSeF takes {least} to {most}", "Give a number in between.")
    return value


def moment_text(field: str, value: datetime) -> str:
    """
    Write a moment as requests have it: UTC, ISO 8601.

    :param field: the parameter that it came from.
    :raises KsefInputError: where it is no moment, or has no time zone.
    """
    if not _is_moment(value):
        raise KsefInputError(field, value, "is no datetime", "Give one, as in datetime.now(UTC).")
    if value.tzinfo is None:
        raise KsefInputError(
            field,
            value.isoformat(),
            "has no time zone",
            "Give one, as in datetime.now(UTC).",
        )
    return value.astimezone(UTC).isoformat()
