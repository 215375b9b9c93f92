"""Sessions with the parts that were uploaded for them."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_ksef.emulator.store.database import Database, Row

_COLUMNS = (
    "reference, kind, context, form, code, details, created, updated, closed, valid_until, is_offline, "
    "aes_key, iv, file_size, file_hash, compression, accepted, rejected, subject, token_reference, "
    "document_hash"
)
STATES = {"InProgress": (100, 150, 170), "Succeeded": (200,), "Cancelled": (440,)}
OPEN, PROCESSING, CLOSED, LOST_KEY, CANCELLED = 100, 150, 170, 415, 440
ONLINE, BATCH = "Online", "Batch"


@dataclass(frozen=True)
class Session:
    """
    One session. Moments are in ticks.

    :param kind: Online or Batch.
    :param context: type and value of the login's context, e.g. ``Nip:5250001210``.
    :param aes_key: None where it could not be decrypted.
    :param accepted: number of accepted invoices, None before processing has ended.
    :param subject: who opened it.
    :param token_reference: of the KSeF token with which he had logged in.
    :param document_hash: of the signed document with which he had logged in.
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
    subject: str = ""
    token_reference: str | None = None
    document_hash: str | None = None

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
    """
    Which sessions of a context are listed; dates are ticks, both ends belong to it.

    :param subject: only those that he opened.
    """

    kind: str
    subject: str | None = None
    reference: str | None = None
    ranges: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    states: tuple[str, ...] = ()


class SessionStore:
    """All sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session, parts: Sequence[Part] = ()) -> None:
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

    def get(self, reference: str) -> Session | None:
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
        """Note what was uploaded; False where the session is not open or declared no such part."""
        changed = self._database.execute(
            "UPDATE parts SET stored_size = ?, stored_hash = ? WHERE session = ? AND ordinal = ? "
            "AND EXISTS (SELECT 1 FROM sessions WHERE reference = session AND code = 100)",
            (size, digest, reference, ordinal),
        )
        return changed == 1

    def note_activity(self, reference: str, now: int) -> None:
        self._database.execute("UPDATE sessions SET updated = ? WHERE reference = ?", (now, reference))

    def close(self, reference: str, now: int, code: int) -> bool:
        """Close an open session; False where it is not open any more."""
        changed = self._database.execute(
            "UPDATE sessions SET code = ?, closed = ?, updated = ? WHERE reference = ? AND code = 100",
            (code, now, now, reference),
        )
        return changed == 1

    def finish(self, reference: str, now: int, outcome: Outcome, *, before: int) -> bool:
        """
        Give a session its final status.

        :param before: the status that it must have until now, else nothing is done.
        :return: whether it was done.
        """
        details = json.dumps(outcome.details) if outcome.details else None
        changed = self._database.execute(
            "UPDATE sessions SET code = ?, details = ?, updated = ?, accepted = ?, rejected = ? "
            "WHERE reference = ? AND code = ?",
            (outcome.code, details, now, outcome.accepted, outcome.rejected, reference, before),
        )
        return changed == 1

    def select(self, context: str, chosen: SessionFilter, skip: int, most: int) -> list[Session]:
        """Sessions of a context, the newest first."""
        terms = ["context = ?", "kind = ?"]
        values: list[str | int] = [context, chosen.kind]
        for column, wanted in (("reference", chosen.reference), ("subject", chosen.subject)):
            if wanted is not None:
                terms.append(f"{column} = ?")
                values.append(wanted)
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

    def in_status(self, code: int, kind: str) -> list[str]:
        """References of the sessions of one kind that stand like that."""
        rows = self._database.rows("SELECT reference FROM sessions WHERE code = ? AND kind = ?", (code, kind))
        return [row[0] for row in rows]

    def end_expired(self, now: int) -> list[tuple[str, str]]:
        """
        End open sessions whose time has passed: batches are cancelled, online ones closed.

        :return: their references and kinds.
        """
        expired = self._database.rows(
            "SELECT reference, kind FROM sessions WHERE code = 100 AND valid_until <= ?", (now,)
        )
        if not expired:
            return []
        late = json.dumps(["Przekroczono czas wysyłki"])
        with self._database.transaction():
            self._database.execute(
                "UPDATE sessions SET code = 440, details = ?, updated = valid_until, accepted = 0, "
                "rejected = 0 WHERE kind = 'Batch' AND code = 100 AND valid_until <= ?",
                (late, now),
            )
            self._database.execute(
                "UPDATE sessions SET code = 170, updated = valid_until, closed = valid_until "
                "WHERE kind = 'Online' AND code = 100 AND valid_until <= ?",
                (now,),
            )
        return [(reference, kind) for reference, kind in expired]


def _state_condition(state: str) -> str:
    if state == "Failed":
        return f"code NOT IN ({', '.join(str(code) for codes in STATES.values() for code in codes)})"
    return f"code IN ({', '.join(map(str, STATES[state]))})"


def _session(row: Row) -> Session:
    values: list[Any] = list(row)
    values[5] = json.loads(row[5]) if row[5] else None
    values[10] = bool(row[10])
    return Session(*values)
