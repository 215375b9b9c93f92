"""KSeF tokens: what is known of each, but never its text."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from dataclasses import astuple, dataclass, replace
from hashlib import sha256

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database

PENDING, ACTIVE, REVOKING, REVOKED, FAILED = "Pending", "Active", "Revoking", "Revoked", "Failed"
_UNSETTLED = {ACTIVE: PENDING, REVOKED: REVOKING}
_COLUMNS = "reference, context, author, description, permissions, created, status, settled, used"


@dataclass(frozen=True)
class Token:
    """
    A KSeF token in the context that it was made for.

    :param status: what it is from ``settled`` on, in ticks.
    :param used: when it last let somebody in.
    """

    reference: str
    context: Identity
    author: Identity
    description: str
    permissions: tuple[str, ...]
    created: int
    status: str
    settled: int
    used: int | None = None

    def status_at(self, moment: int) -> str:
        """KSeF's name for how it stands."""
        return _UNSETTLED.get(self.status, self.status) if moment < self.settled else self.status


class TokenStore:
    """The tokens of all contexts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: Token, text: str) -> None:
        """Keep a token, of its text only the hash."""
        values = list(astuple(token))
        values[1:3] = str(token.context), str(token.author)
        values[4] = json.dumps(token.permissions)
        self._database.execute(
            f"INSERT INTO tokens (digest, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_digest(text), *values),
        )

    def get(self, reference: str) -> Token | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM tokens WHERE reference = ?", (reference,))
        return _token(row) if row else None

    def find(self, text: str) -> list[Token]:
        """The tokens with that text, each in another context."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM tokens WHERE digest = ?", (_digest(text),))
        return [_token(row) for row in rows]

    def select(self, context: Identity) -> list[Token]:
        """All tokens of a context, the newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM tokens WHERE context = ? ORDER BY created DESC, reference",
            (str(context),),
        )
        return [_token(row) for row in rows]

    def settle(self, reference: str, status: str, settled: int) -> None:
        """Let a token have another status from a moment on."""
        self._database.execute(
            "UPDATE tokens SET status = ?, settled = ? WHERE reference = ?", (status, settled, reference)
        )

    def note_use(self, reference: str, moment: int) -> None:
        self._database.execute("UPDATE tokens SET used = ? WHERE reference = ?", (moment, reference))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _token(row: tuple[object, ...]) -> Token:
    token = Token(*row)  # type: ignore[arg-type]  # the columns' order is the dataclass's
    return replace(
        token,
        context=Identity.parse(str(row[1])),
        author=Identity.parse(str(row[2])),
        permissions=tuple(json.loads(str(row[4]))),
    )
