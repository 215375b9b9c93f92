"""Breaches of the contract on their way from the processes that see them to the test that caused them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

FOLDER = "KSEF_CONTRACT_VIOLATIONS"
_seen: set[tuple[str, str]] = set()


def report(what: str, problems: Iterable[str]) -> None:
    """
    Write down problems, each one once in this process.

    :param what: the request or answer, without its values.
    """
    new = {(what, problem) for problem in problems} - _seen
    if not new:
        return
    _seen.update(new)
    file = Path(os.environ[FOLDER]) / f"{os.getpid()}.jsonl"
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(each)}\n" for each in sorted(new))


class Watch:
    """Tells of the violations that were written since it was asked last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, int] = {}

    def new(self) -> list[str]:
        found = []
        for entry in os.scandir(self._folder):
            start = self._read.get(entry.name, 0)
            if entry.stat().st_size > start:
                lines = Path(entry.path).read_bytes()[start:]
                self._read[entry.name] = start + len(lines)
                found += [": ".join(json.loads(line)) for line in lines.splitlines()]
        return found
