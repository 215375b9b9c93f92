"""Turns in a SQLite file, for all processes of a host."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from airflow_provider_ksef.client.turn_file import PATIENCE, number_of, opening, replacing
from airflow_provider_ksef.client.turn_store import KEPT_SECONDS, Change, StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")
_KEPT_NS = KEPT_SECONDS * 1_000_000_000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS turns (name TEXT PRIMARY KEY, record BLOB, changed INTEGER) WITHOUT ROWID"
)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The part of SQLite's error codes that names the kind of error."""


class SqliteTurnStore:
    """
    A file that only its user may read. SQLite's own transaction is the lock, and the system frees it where a
    process dies. A file that is broken is moved aside and begun anew, and all processes come over to it.

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
                try:
                    return self._update(keys, change)
                except sqlite3.DatabaseError as error:
                    if not _tells_broken(error):
                        raise
                    self._begin_anew(error)
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
        if self._connection is None or self._file != (os.getpid(), number_of(self._path)):
            with opening(self._path) as number:
                self._file = (os.getpid(), number)
                self._connection = sqlite3.connect(
                    self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
                )
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")
                self._connection.execute(_TABLE)
                self._connection.execute("DELETE FROM turns WHERE changed < ?", (time.time_ns() - _KEPT_NS,))
        return self._connection

    def _begin_anew(self, error: sqlite3.DatabaseError) -> None:
        _, number = self._file
        with replacing(self._path, number) as aside:
            self._close()
            if aside is not None:
                log.warning("%s: %s. A new one is begun, the broken one is %s.", self._path, error, aside)

    def _close(self) -> None:
        """Close the file while nobody else opens one: SQLite may take the journals of its name along."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _tells_broken(error: sqlite3.DatabaseError) -> bool:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & _PRIMARY in _BROKEN or code == sqlite3.SQLITE_IOERR_SHORT_READ
