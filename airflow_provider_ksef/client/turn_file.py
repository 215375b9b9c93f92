"""The file of turns on a local disk: whose it is, and how a broken one is replaced while others use it."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 5.0
"""Seconds to wait for others, who need the file for less than a millisecond each."""
_LOOK_AGAIN = 0.01


def default_path() -> Path:
    """Name the file that all processes of this host's user share."""
    return Path(tempfile.gettempdir()) / f"ksef-rate-limits-{os.getuid()}" / "turns.sqlite"


def number_of(path: Path) -> int | None:
    """Tell which file is there now, by the number that its disk knows it by; None where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


@contextmanager
def opening(path: Path) -> Iterator[int]:
    """
    Make the file for our eyes only where there is none, and give its number; nobody replaces it meanwhile.

    :raises OSError: where that is not possible; another user's folder in a shared place is not trusted.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path == default_path() and path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to another user")
    with _locked(path.parent, fcntl.LOCK_SH):
        if not path.exists():  # to close a file drops the locks that SQLite has on it in this process
            with suppress(FileExistsError):
                _make(path, 0o600)
        yield path.stat().st_ino


@contextmanager
def replacing(path: Path, broken: int) -> Iterator[Path | None]:
    """
    Move a broken file aside and begin a new one after what is done inside; nobody opens it meanwhile.

    SQLite's own files beside it have their names after it, so a process that opened the old one just now
    would mix them with the new one's.

    :param broken: its number. Where another process was faster, nothing is done and None is given.
    :returns: where the broken one will lie, in place of an earlier one.
    :raises OSError: where that is not possible.
    """
    with _locked(path.parent, fcntl.LOCK_EX):
        if number_of(path) != broken:
            yield None
            return
        aside, mode = path.with_name(f"{path.name}.broken"), stat.S_IMODE(path.stat().st_mode)
        yield aside
        for journal in ("-wal", "-shm"):
            path.with_name(path.name + journal).unlink(missing_ok=True)
        path.replace(aside)
        _make(path, mode)


def _make(path: Path, mode: int) -> None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(file, mode)
    finally:
        os.close(file)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Lock the folder rather than a file of our own in it, which not all users of a shared one could open."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _try_lock(lock, how):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{folder} is locked by another process")
            time.sleep(_LOOK_AGAIN)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # a child that was forked meanwhile has the same lock
    finally:
        os.close(lock)


def _try_lock(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
