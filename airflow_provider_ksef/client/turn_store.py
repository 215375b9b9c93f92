"""Where all tasks of a host keep their turns; which store it is, the installation says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

T = TypeVar("T")
Record = bytes | None
"""What is kept under a key; None where there is nothing."""
Change = Callable[[Mapping[str, Record], int], tuple[T, Mapping[str, bytes]]]
"""
From records and the store's time, in microseconds since the epoch, to a result and the records that change.
It may be called again where another process was faster, so it has no effect of its own.
"""

KEPT_SECONDS = 25 * 3600
"""How long a record is kept at the least: an hour's window, or the day that a 429 may stop all for."""


class StoreError(Exception):
    """The store cannot be used; its text says why, and holds no secret."""


class TurnStore(Protocol):
    """Small records that many processes change, one at a time."""

    def update(self, keys: list[str], change: Change[T]) -> T:
        """
        Read records, change them and keep the changes, while nobody else does.

        :param keys: of the records.
        :param change: what to do.
        :returns: its result.
        :raises StoreError: where the store cannot be used.
        """
