"""Challenges and logins."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

import json
from dataclasses import astuple, dataclass, fields, replace

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.store.database import Database


@dataclass(frozen=True)
class Login:
    """
    One authentication operation.

    :param subject: who logs in, e.g. ``Pesel:30112206276``; nothing where that could not be found out.
    :param method: KSeF's name for how, e.g. ``Token``.
    :param ready: from when on its result ``code`` is told, in ticks.
    :param detail: the cause of a failure.
    :param subject_details: the JSON text of the claim ``sud``.
    :param policy: the JSON text of the claim ``ipp``, where there is one.
    :param token: reference of the KSeF token that let in.
    :param document_hash: of the signed document that let in.
    """

    reference: str
    context_type: str
    context_value: str
    subject: str | None
    method: str
    started: int
    ready: int
    code: int
    detail: str | None = None
    permissions: tuple[str, ...] = ()
    subject_details: str | None = None
    policy: str | None = None
    token: str | None = None
    is_redeemed: bool = False
    refreshed: int | None = None
    refresh_until: int | None = None
    document_hash: str | None = None

    @property
    def context(self) -> Identity:
        return Identity(self.context_type, self.context_value)


_DAY = 86_400 * TICKS_PER_SECOND
_NAMES = [field.name for field in fields(Login)]
_COLUMNS = ", ".join(_NAMES)


class LoginStore:
    """Who asked to log in and who did."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_challenge(self, challenge: str, issued: int) -> None:
        """Keep a new challenge; those that nobody used for a day are forgotten."""
        with self._database.transaction():
            self._database.execute("DELETE FROM challenges WHERE issued < ?", (issued - _DAY,))
            self._database.execute("INSERT INTO challenges VALUES (?, ?)", (challenge, issued))

    def take_challenge(self, challenge: str) -> int | None:
        """Use a challenge up; give when it was issued, None where it is unknown or used."""
        with self._database.transaction():
            found = self._database.row("SELECT issued FROM challenges WHERE challenge = ?", (challenge,))
            self._database.execute("DELETE FROM challenges WHERE challenge = ?", (challenge,))
        return int(found[0]) if found else None

    def add(self, login: Login) -> None:
        values = astuple(replace(login, permissions=json.dumps(login.permissions)))  # type: ignore[arg-type]
        self._database.execute(
            f"INSERT INTO logins ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values
        )

    def get(self, reference: str) -> Login | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM logins WHERE reference = ?", (reference,))
        return _login(row) if row else None

    def active(self, context: Identity, now: int) -> list[Login]:
        """The logins of a context that may still refresh, the newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM logins WHERE context_type = ? AND context_value = ? AND code = 200 "
            "AND is_redeemed AND refresh_until > ? ORDER BY started DESC, reference",
            (context.type, context.value, now),
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
        """End a login; one that let nobody in keeps its own status."""
        self._database.execute(
            "UPDATE logins SET code = 425 WHERE reference = ? AND code = 200", (reference,)
        )


def _login(row: tuple[object, ...]) -> Login:
    values = dict(zip(_NAMES, row, strict=True))
    values["permissions"] = tuple(json.loads(str(values["permissions"])))
    values["is_redeemed"] = bool(values["is_redeemed"])
    return Login(**values)  # type: ignore[arg-type]  # the columns are the dataclass's fields
