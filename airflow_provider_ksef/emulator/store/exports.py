"""Exports: what was asked for and the package that was made."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from airflow_provider_ksef.emulator.query import InvoiceQuery
from airflow_provider_ksef.emulator.store.database import Database, Row

_COLUMNS = (
    "reference, context, subject, created, code, detail, completed, filters, only_metadata, compression, "
    "aes_key, iv, package"
)
RUNNING = 100


@dataclass(frozen=True)
class PackagePart:
    """One part: sizes in bytes and digests, plain and encrypted."""

    ordinal: int
    name: str
    size: int
    hash: str
    encrypted_size: int
    encrypted_hash: str


@dataclass(frozen=True)
class Package:
    """
    A finished package.

    :param last: name and text of the last invoice's date, only where the package is truncated.
    :param hwm: the high-water mark that the query was answered with, as text.
    """

    invoice_count: int
    size: int
    parts: tuple[PackagePart, ...]
    is_truncated: bool
    last: tuple[str, str] | None
    hwm: str | None


@dataclass(frozen=True)
class Export:
    """One export. Moments are in ticks; ``aes_key`` is None where it could not be decrypted."""

    reference: str
    context: str
    subject: str
    created: int
    code: int
    detail: str | None
    completed: int | None
    query: InvoiceQuery
    only_metadata: bool
    compression: str
    aes_key: bytes | None = field(repr=False)
    iv: bytes = field(repr=False)
    package: Package | None = None


class ExportStore:
    """All exports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, export: Export) -> None:
        self._database.execute(
            f"INSERT INTO exports ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, NULL, NULL, ?, ?, ?, ?, ?, NULL)",
            (
                export.reference,
                export.context,
                export.subject,
                export.created,
                export.code,
                msgspec.json.encode(export.query),
                export.only_metadata,
                export.compression,
                export.aes_key,
                export.iv,
            ),
        )

    def get(self, reference: str) -> Export | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM exports WHERE reference = ?", (reference,))
        return _export(row) if row else None

    def count_running(self, context: str, subject: str) -> int:
        row = self._database.row(
            "SELECT count(*) FROM exports WHERE context = ? AND subject = ? AND code = 100",
            (context, subject),
        )
        return int(row[0]) if row else 0

    def unfinished(self) -> list[str]:
        """References of exports that are not built yet."""
        return [row[0] for row in self._database.rows("SELECT reference FROM exports WHERE code = 100")]

    def finish(
        self,
        reference: str,
        now: int,
        code: int,
        *,
        detail: str | None = None,
        package: Package | None = None,
    ) -> None:
        """Give an export its final status."""
        self._database.execute(
            "UPDATE exports SET code = ?, detail = ?, completed = ?, package = ? WHERE reference = ?",
            (code, detail, now, msgspec.json.encode(package) if package else None, reference),
        )


def _export(row: Row) -> Export:
    values: list[Any] = list(row)
    values[7] = msgspec.json.decode(row[7], type=InvoiceQuery)
    values[8] = bool(row[8])
    values[12] = msgspec.json.decode(row[12], type=Package) if row[12] else None
    return Export(*values)
