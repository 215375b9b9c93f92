"""Challenges, KSeF tokens and logins."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from airflow_provider_ksef.emulator.store.database import Database

PERMISSIONS = (
    "InvoiceRead",
    "InvoiceWrite",
    "Introspection",
    "CredentialsRead",
    "CredentialsManage",
    "SubunitManage",
)
_COLUMNS = (
    "reference, context_type, context_value, started, ready, code, detail, permissions, is_redeemed, "
    "refreshed, refresh_until, token_reference, document_hash"
)


@dataclass(frozen=True)
class Token:
    """A KSeF token in the context that it was made for."""

    value: str = field(repr=False)
    context_type: str
    context_value: str
    permissions: tuple[str, ...]


@dataclass(frozen=True)
class Login:
    """
    One authentication operation.

    :param ready: from when on its result ``code`` is told, in ticks.
    :param detail: the cause of a failure.
    :param token_reference: of the KSeF token that logged in.
    :param document_hash: of the signed document that logged in.
    """

    reference: str
    context_type: str
    context_value: str
    started: int
    ready: int
    code: int
    detail: str | None
    permissions: tuple[str, ...] = ()
    is_redeemed: bool = False
    refreshed: int | None = None
    refresh_until: int | None = None
    token_reference: str | None = None
    document_hash: str | None = None


class LoginStore:
    """Who may log in and who did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def allow(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Let pairs of NIP and token log in."""
        for nip, value in pairs:
            self._database.execute(
                "INSERT OR REPLACE INTO tokens VALUES (?, 'Nip', ?, ?)", (value, nip, json.dumps(PERMISSIONS))
            )

    def tokens(self, value: str) -> list[Token]:
        """The contexts in which a token string is known."""
        rows = self._database.rows("SELECT * FROM tokens WHERE value = ?", (value,))
        return [Token(row[0], row[1], row[2], tuple(json.loads(row[3]))) for row in rows]

    def keep_challenge(self, challenge: str, issued: int) -> None:
        self._database.execute("INSERT INTO challenges VALUES (?, ?)", (challenge, issued))

    def take_challenge(self, challenge: str) -> int | None:
        """Use a challenge up; give when it was issued, None where it is unknown or used."""
        with self._database.transaction():
            found = self._database.row("SELECT issued FROM challenges WHERE challenge = ?", (challenge,))
            self._database.execute("DELETE FROM challenges WHERE challenge = ?", (challenge,))
        return int(found[0]) if found else None

    def add(self, login: Login) -> None:
        self._database.execute(
            f"INSERT INTO logins ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, NULL, ?, ?)",
            (
                login.reference,
                login.context_type,
                login.context_value,
                login.started,
                login.ready,
                login.code,
                login.detail,
                json.dumps(login.permissions),
                login.token_reference,
                login.document_hash,
            ),
        )

    def get(self, reference: str) -> Login | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM logins WHERE reference = ?", (reference,))
        return _login(row) if row else None

    def active(self, context_type: str, context_value: str, now: int) -> list[Login]:
        """The logins of a context that may still refresh, the newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM logins WHERE context_type = ? AND context_value = ? AND code = 200 "
            "AND is_redeemed AND refresh_until > ? ORDER BY started DESC, reference",
            (context_type, context_value, now),
        )
        return [_login(row) for row in rows]

    def redeem(self, reference: str, refresh_until: int) -> bool:
        """Mark a login's tokens as fetched; False where they already were."""
        changed = self._database.execute(
            "UPDATE logins SET is_redeemed = 1, refresh_until = ? WHERE reference = ? AND NOT is_redeemed",
            (refresh_until, reference),
        )
        return changed == 1

    def note_refresh(self, reference: str, moment: int) -> None:
        self._database.execute("UPDATE logins SET refreshed = ? WHERE reference = ?", (moment, reference))

    def revoke(self, reference: str) -> None:
        self._database.execute("UPDATE logins SET code = 425 WHERE reference = ?", (reference,))


def _login(row: tuple[object, ...]) -> Login:
    values = list(row)
    values[7] = tuple(json.loads(str(row[7])))
    values[8] = bool(row[8])
    return Login(*values)  # type: ignore[arg-type]  # the columns' order is the dataclass's
