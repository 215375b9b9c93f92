"""
Where Arrow takes its memory from while a package is read.

Its usual pool rounds up and keeps what it had, some four times what a package needs. That of the operating
system gives it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa


@contextmanager
def lean_memory() -> Iterator[None]:
    """Let this process take Arrow's memory from the operating system, and give back what is free at the end."""
    before, lean = pa.default_memory_pool(), pa.system_memory_pool()
    pa.set_memory_pool(lean)
    try:
        yield
    finally:
        pa.set_memory_pool(before)
        lean.release_unused()
