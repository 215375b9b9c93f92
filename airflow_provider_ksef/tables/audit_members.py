"""A JSON object of KSeF's that is taken apart: what nobody takes stays JSON, so that nothing is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from airflow_provider_ksef.tables.moments import to_datetime

Row = dict[str, Any]
_json = msgspec.json.Encoder(decimal_format="number", order="sorted")


class Members:
    """
    The members of a JSON object, each of which is taken once.

    :param told: the object.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._left = {
            name: Members(member) if isinstance(member, dict) else member
            for name, member in told.items()
            if member is not None
        }

    def take(self, name: str, *below: str) -> Any:
        """Take a member, or one below it; None where it is not there."""
        if not below:
            return self._left.pop(name, None)
        member = self._left.get(name)
        return member.take(*below) if isinstance(member, Members) else None

    def take_first(self, *names: str) -> Any:
        """Take the member that there is of several that mean the same."""
        return next((taken for name in names if (taken := self.take(name)) is not None), None)

    def take_moment(self, name: str) -> datetime | None:
        """Take a member that is a date-time."""
        text = self.take(name)
        return None if text is None else to_datetime(text)

    def take_identifier(self, column: str, *names: str) -> Row:
        """Take the identifier that there is of several, as a column of its type and one of its value."""
        for name in names:
            kind = self.take(name, "type")
            if kind is not None:
                return {f"{column}_type": kind, column: self.take(name, "value")}
        return {}

    def left(self) -> dict[str, Any]:
        """Give what nobody took."""
        members = {
            name: member.left() if isinstance(member, Members) else member
            for name, member in self._left.items()
        }
        return {name: member for name, member in members.items() if member != {}}

    def extra(self) -> str | None:
        """Give what nobody took as JSON; None where that is nothing."""
        left = self.left()
        return as_json(left) if left else None


def as_json(told: Any) -> str:
    """Write JSON, the same text for the same content."""
    return _json.encode(told).decode()
