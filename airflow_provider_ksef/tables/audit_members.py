"""A JSON object of KSeF's that is taken apart: what nobody takes stays JSON, so that nothing is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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
