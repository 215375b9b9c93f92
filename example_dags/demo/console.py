"""What the demo prints."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done and how long it took."""
    say(f"\n==> {what} ...")
    started = time.monotonic()
    yield
    say(f"    done in {time.monotonic() - started:.1f} s")


def complain(text: str) -> None:
    """Print a line about something wrong."""
    print(text, file=sys.stderr, flush=True)
