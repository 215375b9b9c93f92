"""What the bodies of all requests that give permissions have in common."""

from __future__ import annotations

from typing import Any, Protocol


class _Written(Protocol):
    def to_json(self) -> dict[str, Any]:
        """Give it as requests have it."""


class Giving(Protocol):
    """Who is given something, and why: a part of each request that gives permissions."""

    @property
    def subject_identifier(self) -> _Written:
        """Who."""

    @property
    def description(self) -> str:
        """Why, as the giver wrote."""

    @property
    def subject_details(self) -> _Written:
        """Who that is."""


def body_of(request: Giving, **given: Any) -> dict[str, Any]:
    """
    Write a request's body.

    :param request: that gives permissions.
    :param given: its other members by their official names; those that are None are left out.
    """
    members = {name: value for name, value in given.items() if value is not None}
    return {
        "subjectIdentifier": request.subject_identifier.to_json(),
        **members,
        "description": request.description,
        "subjectDetails": request.subject_details.to_json(),
    }
