"""The SQLite file: one connection, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_ksef.emulator.store.tables import KEYS, TABLES

Row = tuple[Any, ...]

_PATIENCE = 1.0


class Database:
    """
    All state that is not a file. Whoever is in a transaction is alone.

    :param path: of the SQLite file, made where it is missing.
    :param durable: whether a transaction shall survive a crash of the machine.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
        self._connection.execute("PRAGMA cache_size = -65536")
        self._create_tables()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of it or nothing, with nobody in between; nested, its part is undone by itself."""
        with self._lock:
            is_outermost = self._depth == 0
            self._connection.execute("BEGIN IMMEDIATE" if is_outermost else "SAVEPOINT inner_part")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._undo(is_outermost=is_outermost)
                raise
            else:
                self._connection.execute("COMMIT" if is_outermost else "RELEASE inner_part")
            finally:
                self._depth -= 1

    def execute(self, statement: str, parameters: Iterable[Any] = ()) -> int:
        """Run one change; give how many rows it touched."""
        with self._lock:
            return self._connection.execute(statement, tuple(parameters)).rowcount

    def execute_many(self, statement: str, rows: Iterable[Row]) -> None:
        """Run one change for each row."""
        with self._lock:
            self._connection.executemany(statement, rows)

    def rows(self, statement: str, parameters: Iterable[Any] = ()) -> list[Row]:
        """Read all rows."""
        with self._lock:
            return self._connection.execute(statement, tuple(parameters)).fetchall()

    def row(self, statement: str, parameters: Iterable[Any] = ()) -> Row | None:
        """Read the first row, if there is one."""
        with self._lock:
            found: Row | None = self._connection.execute(statement, tuple(parameters)).fetchone()
            return found

    def get_number(self, name: str) -> int:
        """Read a kept number; 0 where it was never kept."""
        found = self.row("SELECT value FROM numbers WHERE name = ?", (name,))
        return int(found[0]) if found else 0

    def set_number(self, name: str, value: int) -> None:
        """Keep a number under a name."""
        self.execute("INSERT OR REPLACE INTO numbers (name, value) VALUES (?, ?)", (name, value))

    def empty(self) -> None:
        """Forget everything but the server's own keys."""
        with self.transaction():
            for name in TABLES:
                if name not in KEYS:
                    self._connection.execute(f"DROP TABLE {name}")
            self._create_tables()

    def close(self) -> None:
        """Close the file; a transaction that goes on for long is given up."""
        if self._lock.acquire(timeout=_PATIENCE):
            self._connection.close()
            self._lock.release()

    def _undo(self, *, is_outermost: bool) -> None:
        if is_outermost:
            self._connection.execute("ROLLBACK")
        else:
            self._connection.execute("ROLLBACK TO inner_part")
            self._connection.execute("RELEASE inner_part")

    def _create_tables(self) -> None:
        for statement in "".join(TABLES.values()).split(";"):
            self._connection.execute(statement)
