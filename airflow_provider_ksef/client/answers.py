"""From an answer's bytes to a typed result, or to one of our exceptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from airflow_provider_ksef.client.calls import Answer, Call
from airflow_provider_ksef.client.faults import fault_of
from airflow_provider_ksef.client.remedies import remedy_for
from airflow_provider_ksef.exceptions import (
    KsefApiError,
    KsefIntegrityError,
    KsefRateLimitError,
    KsefUnavailableError,
)

T = TypeVar("T")
S = TypeVar("S")


class StatusInfo(msgspec.Struct, rename="camel"):
    """KSeF's ``StatusInfo`` as it stands in answers."""

    code: int
    description: str = ""
    details: list[str] | None = None


def interpret(call: Call[T], answer: Answer) -> T:
    """
    Read the answer to a call.

    :raises KsefApiError: where it is an error, whatever its form.
    :raises KsefIntegrityError: where it is not what the API promises.
    """
    if not 200 <= answer.status < 300 or answer.is_html:
        raise error_of(answer)
    return call.parse(answer)


def error_of(answer: Answer) -> KsefApiError:
    """Make the exception that fits an error answer."""
    fault = fault_of(answer)
    remedy = remedy_for(fault)
    if answer.status == 429:
        return KsefRateLimitError(fault, remedy)
    if answer.status >= 500 or answer.is_html:
        return KsefUnavailableError(fault, remedy)
    return KsefApiError(fault, remedy)


def json_parser(shape: type[S], build: Callable[[S], T]) -> Callable[[Answer], T]:
    """
    Make a parser of JSON answers: unknown members are ignored, numbers with a fraction become Decimal.

    :param shape: what the JSON must look like.
    :param build: makes the result of it.
    """
    decoder = msgspec.json.Decoder(shape, float_hook=Decimal)

    def parse(answer: Answer) -> T:
        try:
            return build(decoder.decode(answer.content))
        except (msgspec.DecodeError, ValueError) as error:
            raise KsefIntegrityError(
                f"KSeF's answer to {answer.method} {answer.path} (HTTP {answer.status}, "
                f"{len(answer.content)} bytes) is not as the API promises: {error}.",
                "Check what stands between you and KSeF; a newer API may need a newer package.",
            ) from error

    return parse


def nothing(answer: Answer) -> None:
    """Parser of answers without content."""
    del answer


def moment(text: str) -> datetime:
    """
    Read a date-time of KSeF, cut to microseconds.

    :param text: ISO 8601, usually with seven fraction digits and an offset.
    """
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
