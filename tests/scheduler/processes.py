"""Processes that tests kill."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_SESSION = 3
"""Place of the session's id in ``/proc/<pid>/stat``, after the name in brackets."""


def kill_session(leader: int) -> None:
    """Kill a process and all that it has started, though tasks have process groups of their own."""
    while members := session_members(leader):
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def session_members(leader: int) -> set[int]:
    """Give the living processes of a session."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _session_of(folder) == leader}


def _session_of(folder: Path) -> int | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[_SESSION])
