"""Sessions with the parts that were uploaded for them."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ksef.emulator.store.database import Database, Row

_COLUMNS = (
    "reference, kind, context, form, code, details, created, updated, closed, valid_until, is_offline, "
    "aes_key, iv, file_size, file_hash, compression, accepted, rejected"
)
STATES = {"InProgress": (100, 150, 170), "Succeeded": (200,), "Cancelled": (440,)}
OPEN, PROCESSING, CANCELLED = 100, 150, 440


@dataclass(frozen=True)
class Session:
    """
    One session. Moments are in ticks.

    :param context: type and value of the login's context, e.g. ``Nip:5250001210``.
    :param aes_key: None where it could not be decrypted.
    :param accepted: number of accepted invoices, None before processing has ended.
    """

    reference: str
    kind: str
    context: str
    form: str
    code: int
    details: list[str] | None
    created: int
    updated: int
    closed: int | None
    valid_until: int
    is_offline: bool
    aes_key: bytes | None = field(repr=False)
    iv: bytes = field(repr=False)
    file_size: int | None = None
    file_hash: str | None = None
    compression: str | None = None
    accepted: int | None = None
    rejected: int | None = None

    @property
    def nip(self) -> str:
        """The context's NIP."""
        return self.context.partition(":")[2][:10]


@dataclass(frozen=True)
class Part:
    """A declared part of a package, and what was uploaded as it."""

    ordinal: int
    size: int
    hash: str
    stored_size: int | None = None
    stored_hash: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a session ended, with the numbers of accepted and rejected invoices."""

    code: int
    details: list[str] | None
    accepted: int
    rejected: int


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions of a context are listed; dates are ticks, both ends belong to it."""

    kind: str
    reference: str | None = None
    ranges: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    states: tuple[str, ...] = ()


class SessionStore:
    """All sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session, parts: list[Part]) -> None:
        values = [getattr(session, name.strip()) for name in _COLUMNS.split(",")]
        with self._database.transaction():
            self._database.execute(
                f"INSERT INTO sessions ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})",
                values,
            )
            self._database.execute_many(
                "INSERT INTO parts VALUES (?, ?, ?, ?, NULL, NULL)",
                [(session.reference, part.ordinal, part.size, part.hash) for part in parts],
            )

    def get(self, reference: str, now: int) -> Session | None:
        """Give a session; one whose time has passed while it was open is cancelled by then."""
        self._cancel_forgotten(now)
        row = self._database.row(f"SELECT {_COLUMNS} FROM sessions WHERE reference = ?", (reference,))
        return _session(row) if row else None

    def parts(self, reference: str) -> list[Part]:
        rows = self._database.rows(
            "SELECT ordinal, size, hash, stored_size, stored_hash FROM parts "
            "WHERE session = ? ORDER BY ordinal",
            (reference,),
        )
        return [Part(*row) for row in rows]

    def note_upload(self, reference: str, ordinal: int, size: int, digest: str) -> bool:
        """Note what was uploaded; False where no such part was declared."""
        changed = self._database.execute(
            "UPDATE parts SET stored_size = ?, stored_hash = ? WHERE session = ? AND ordinal = ?",
            (size, digest, reference, ordinal),
        )
        return changed == 1

    def close(self, reference: str, now: int, code: int) -> bool:
        """Close an open session; False where it is not open any more."""
        changed = self._database.execute(
            "UPDATE sessions SET code = ?, closed = ?, updated = ? WHERE reference = ? AND code = 100",
            (code, now, now, reference),
        )
        return changed == 1

    def finish(self, reference: str, now: int, outcome: Outcome) -> None:
        """Give a session its final status."""
        details = json.dumps(outcome.details) if outcome.details else None
        self._database.execute(
            "UPDATE sessions SET code = ?, details = ?, updated = ?, accepted = ?, rejected = ? "
            "WHERE reference = ?",
            (outcome.code, details, now, outcome.accepted, outcome.rejected, reference),
        )

    def select(self, context: str, chosen: SessionFilter, now: int, skip: int, most: int) -> list[Session]:
        """Sessions of a context, the newest first."""
        self._cancel_forgotten(now)
        terms = ["context = ?", "kind = ?"]
        values: list[str | int] = [context, chosen.kind]
        if chosen.reference:
            terms.append("reference = ?")
            values.append(chosen.reference)
        for column, bounds in chosen.ranges.items():
            for bound, operator in zip(bounds, (">=", "<="), strict=True):
                if bound is not None:
                    terms.append(f"{column} {operator} ?")
                    values.append(bound)
        if chosen.states:
            terms.append(f"({' OR '.join(_state_condition(state) for state in chosen.states)})")
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM sessions WHERE {' AND '.join(terms)} "
            "ORDER BY created DESC, reference LIMIT ? OFFSET ?",
            (*values, most, skip),
        )
        return [_session(row) for row in rows]

    def unfinished(self) -> list[str]:
        """References of closed batch sessions that are not processed yet."""
        rows = self._database.rows("SELECT reference FROM sessions WHERE code = 150")
        return [row[0] for row in rows]

    def _cancel_forgotten(self, now: int) -> None:
        self._database.execute(
            "UPDATE sessions SET code = 440, details = ?, updated = valid_until, accepted = 0, rejected = 0 "
            "WHERE kind = 'Batch' AND code = 100 AND valid_until <= ?",
            (json.dumps(["Przekroczono czas wysyłki"]), now),
        )


def _state_condition(state: str) -> str:
    if state == "Failed":
        return f"code NOT IN ({', '.join(str(code) for codes in STATES.values() for code in codes)})"
    return f"code IN ({', '.join(map(str, STATES[state]))})"


def _session(row: Row) -> Session:
    values: list[Any] = list(row)
    values[5] = json.loads(row[5]) if row[5] else None
    values[10] = bool(row[10])
    return Session(*values)
