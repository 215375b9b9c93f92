"""
Where Arrow takes its memory from while a package is read.

Its usual pool rounds up and keeps what it had, some four times what a package needs. The operating system's
is smaller, and what is free in it can be given back.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def lean_memory() -> Iterator[None]:
    """Let this process take Arrow's memory from the operating system until the end."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def give_back() -> None:
    """Give free memory back, so that many packages take no more than one; all with the GNU C library."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
