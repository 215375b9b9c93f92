"""Unpacking within bounds: however small an archive is, what comes out of it may be endless."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEAST = 64_000_000
_MOST_AT_ONCE = 16_000_000
_BLOCK = 1 << 20


class BrokenArchive(Exception):  # noqa: N818  it says what it is
    """Bytes that are not an archive of the declared kind, or that nobody would unpack."""


class Budget:
    """
    How much may still come out of an archive.

    :param most: bytes that right invoices can have; smaller budgets are rounded up to one that hurts nobody.
    """

    def __init__(self, most: int) -> None:
        self._left = max(most, _LEAST)

    def spend(self, count: int) -> None:
        """
        Count bytes that came out.

        :raises BrokenArchive: where they are too many.
        """
        self._left -= count
        if self._left < 0:
            raise BrokenArchive("more comes out of it than any package of invoices holds")


class _Forward(io.RawIOBase):
    """
    The content of a gzip file as a tar reader needs it: forward.

    A tar header can announce a name of any length, which its reader would take into memory.
    """

    def __init__(self, source: io.BufferedIOBase, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._position = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._position:
            raise BrokenArchive("it cannot be read forward")
        while self._position < offset and self._take(min(_BLOCK, offset - self._position)):
            pass
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MOST_AT_ONCE:
            raise BrokenArchive(f"a header of {size} bytes")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = self._source.read(size)
        self._budget.spend(len(taken))
        self._position += len(taken)
        return taken


@contextmanager
def open_gzip(path: Path, budget: Budget) -> Iterator[_Forward]:
    """Give the unpacked content of a gzip file."""
    with gzip.open(path) as source:
        yield _Forward(source, budget)
