"""Chance that falls the same way on every machine and Python version, at some 100 ns a throw."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import shake_128
from itertools import accumulate, count
from struct import unpack
from typing import TypeVar

T = TypeVar("T")


def _numbers(key: bytes) -> Iterator[int]:
    for block in count():
        yield from unpack("<192I", shake_128(b"%d|%b" % (block, key)).digest(768))


class Dice:
    """
    Throws that follow from a key alone (``random`` promises the same sequence only for ``random()``).

    :param key: whatever the throws shall depend on.
    """

    __slots__ = ("_next",)

    def __init__(self, key: str) -> None:
        self._next = _numbers(key.encode()).__next__

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        return self._next() % limit

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included; spans beyond 32 bits take a second throw."""
        span = high - low + 1
        if span < 1 << 31:
            return low + self._next() % span
        return low + (self._next() << 32 | self._next()) % span

    def chance(self, per_mille: int) -> bool:
        return self._next() % 1000 < per_mille

    def pick(self, things: Sequence[T]) -> T:
        return things[self._next() % len(things)]

    def pick_weighted(self, things: Sequence[T], cumulative: Sequence[int]) -> T:
        """:param cumulative: running totals of the weights, as :func:`running_totals` makes them."""
        return things[bisect_right(cumulative, self._next() % cumulative[-1])]


def running_totals(weights: Sequence[int]) -> tuple[int, ...]:
    return tuple(accumulate(weights))
