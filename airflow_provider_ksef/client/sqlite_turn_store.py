"""Turns in a SQLite file, for all processes of a host."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from airflow_provider_ksef.client.turn_store import Change, StoreError

T = TypeVar("T")
_PATIENCE = 5.0
"""Seconds to wait for others, who need the file for less than a millisecond each."""
_SECOND_NS = 1_000_000_000
_KEPT_NS = 2 * 3600 * _SECOND_NS
_TABLE = (
    "CREATE TABLE IF NOT EXISTS turns (name TEXT PRIMARY KEY, record BLOB, changed INTEGER) WITHOUT ROWID"
)


def default_path() -> Path:
    """Name the file that all processes of this host's user share."""
    return Path(tempfile.gettempdir()) / f"ksef-rate-limits-{_user()}" / "turns.sqlite"


class SqliteTurnStore:
    """
    A file that only its user may read. SQLite's own transaction is the lock, and the system frees it where a
    process dies.

    :param path: of the file, on a local disk; made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

    def update(self, keys: list[str], change: Change[T]) -> T:
        """See :meth:`~airflow_provider_ksef.client.turn_store.TurnStore.update`."""
        with self._guard:
            try:
                return self._update(keys, change)
            except (sqlite3.Error, OSError) as error:
                self._connection = None
                raise StoreError(
                    f"{self._path}: {error}. Where it stays, delete the file or name another one."
                ) from error

    def _update(self, keys: list[str], change: Change[T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = time.time_ns()
            records = dict.fromkeys(keys, None) | dict(
                connection.execute(
                    f"SELECT name, record FROM turns WHERE name IN ({','.join('?' * len(keys))})",  # noqa: S608
                    keys,
                )
            )
            result, changed = change(records, now // 1000)
            rows = [(name, record, now) for name, record in changed.items()]
            connection.executemany("INSERT OR REPLACE INTO turns VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return result

    def _opened(self) -> sqlite3.Connection:
        """Give a connection of this process, not of its parent, to the file that is there now."""
        _make_private(self._path)
        file = (os.getpid(), self._path.stat().st_ino)
        if self._connection is None or self._file != file:
            self._connection = sqlite3.connect(
                self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._file = file
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(_TABLE)
            self._connection.execute("DELETE FROM turns WHERE changed < ?", (time.time_ns() - _KEPT_NS,))
        return self._connection


def _make_private(path: Path) -> None:
    """Make the file for our eyes only; another user's folder in a shared place is not trusted."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path == default_path() and path.parent.stat().st_uid != _user():
        raise PermissionError(f"{path.parent} belongs to another user")
    if not path.exists():  # to close a file drops the locks that SQLite has on it in this process
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
