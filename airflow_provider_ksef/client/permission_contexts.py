"""In which contexts permissions are given: the rules that several ways of giving share."""

from __future__ import annotations

from typing import Any, Protocol

from airflow_provider_ksef.client.permission_identifiers import PlaceIdentifier
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.exceptions import KsefInputError


class GrantRequest(Protocol):
    """One of the requests of this module."""

    @property
    def path(self) -> str:
        """Where the request goes."""

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that this can be given in a context.

        :raises KsefInputError: where it cannot, with the rule.
        """


def check_giver(context: ContextIdentifier, types: tuple[str, ...], rule: str) -> None:
    """
    Make sure that a context is of a type in which something is given.

    :param rule: why only there, in a sentence without full stop.
    :raises KsefInputError: where it is of another type.
    """
    if context.type not in types:
        raise KsefInputError(
            "context_type",
            context.type,
            f"does not suit. {rule}",
            f"Use a connection whose context_type is {' or '.join(types)}.",
        )


def check_below(place: PlaceIdentifier, context: ContextIdentifier) -> None:
    """
    Make sure that a part of a company, or a composite context, belongs to the context.

    :raises KsefInputError: where it belongs to another NIP.
    """
    if not place.value.startswith(f"{context.value}-"):
        raise KsefInputError(
            "context_identifier",
            place.value,
            f"does not begin with the NIP {context.value} of the context",
            "Give one that does, or use the connection of the company that it belongs to.",
        )


def own_context(field: str, context: ContextIdentifier) -> KsefInputError:
    """Make the error for an identifier that is the context's own where another one is wanted."""
    return KsefInputError(field, context.value, "is the context itself", "Give another company's identifier.")
