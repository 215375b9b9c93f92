"""Grants and revocations that were asked for, and what became of them."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.store.database import Database

RUNNING = 100
_COLUMNS = "reference, context, created, code, work"


@dataclass(frozen=True)
class Operation:
    """
    Something that was asked for.

    :param context: of the login, e.g. ``Nip:5250001210``.
    :param created: in ticks.
    :param code: its status, 100 until it is done.
    :param work: what is to be done, as JSON.
    """

    reference: str
    context: str
    created: int
    code: int
    work: bytes


class OperationStore:
    """The operations of all contexts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, operation: Operation) -> None:
        each = operation
        self._database.execute(
            f"INSERT INTO permission_operations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
            (each.reference, each.context, each.created, each.code, each.work),
        )

    def get(self, reference: str) -> Operation | None:
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM permission_operations WHERE reference = ?", (reference,)
        )
        return Operation(*row) if row else None

    def finish(self, reference: str, code: int) -> None:
        self._database.execute(
            "UPDATE permission_operations SET code = ? WHERE reference = ?", (code, reference)
        )

    def unfinished(self) -> list[str]:
        rows = self._database.rows(
            "SELECT reference FROM permission_operations WHERE code = ? ORDER BY created", (RUNNING,)
        )
        return [str(row[0]) for row in rows]
