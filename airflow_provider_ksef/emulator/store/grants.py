"""Who was given which permission, by whom, and where it holds; and the contexts that nobody may enter."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

import msgspec

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database, Row

SYSTEM = Identity("System", "")
ALL_PARTNERS = Identity("AllPartners", "")
_COLUMNS = (
    "id, kind, granted_in, holds_in, authorized, permission, can_delegate, author, description, started, "
    "details"
)


class GrantKind(StrEnum):
    """The way in which a permission is given."""

    PERSON = "Person"
    ENTITY = "Entity"
    INDIRECT = "Indirect"
    SUBUNIT = "Subunit"
    EU_ADMINISTRATION = "EuEntityAdministration"
    EU_ENTITY = "EuEntity"


@dataclass(frozen=True)
class Grant:
    """
    One permission of somebody.

    :param granted_in: the context in which it was given.
    :param holds_in: the context in which it may be used; ``AllPartners`` is every client's.
    :param author: who gave it; ``System`` for test data.
    :param started: in ticks.
    :param details: what is told beside, by its official name, e.g. ``subjectPersonDetails``.
    """

    id: str
    kind: GrantKind
    granted_in: Identity
    holds_in: Identity
    authorized: Identity
    permission: str
    can_delegate: bool
    author: Identity
    description: str
    started: int
    details: dict[str, Any] = field(default_factory=dict)


def new_id() -> str:
    """A permission's identifier."""
    return str(uuid4())


class GrantStore:
    """Permissions by where they were given, where they hold, and who has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, grants: Iterable[Grant]) -> None:
        """Give permissions; one that is there already stays, but for whether it may be passed on."""
        self._database.execute_many(
            f"INSERT INTO permission_grants ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (kind, granted_in, holds_in, authorized, permission) "
            "DO UPDATE SET can_delegate = excluded.can_delegate",
            [_row(grant) for grant in grants],
        )

    def get(self, identifier: str) -> Grant | None:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM permission_grants WHERE id = ?", (identifier.lower(),)
        )
        return _grant(rows[0]) if rows else None

    def select(
        self,
        *,
        kinds: Collection[GrantKind] = tuple(GrantKind),
        granted_in: Identity | None = None,
        holds_in: Identity | None = None,
        authorized: Collection[Identity] | None = None,
    ) -> list[Grant]:
        """The grants that fit all that is given, the newest first."""
        terms, values = [f"kind IN ({_marks(kinds)})"], [*map(str, kinds)]
        for column, place in (("granted_in", granted_in), ("holds_in", holds_in)):
            if place is not None:
                terms.append(f"{column} = ?")
                values.append(str(place))
        if authorized is not None:
            terms.append(f"authorized IN ({_marks(authorized)})")
            values += map(str, authorized)
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM permission_grants WHERE {' AND '.join(terms)} ORDER BY started DESC, id",
            values,
        )
        return [_grant(row) for row in rows]

    def delegated(self, intermediary: Identity) -> list[Grant]:
        """What clients gave a company to pass on."""
        received = self.select(kinds=[GrantKind.ENTITY], authorized=[intermediary])
        return [grant for grant in received if grant.can_delegate]

    def remove(self, identifier: str) -> None:
        self._database.execute("DELETE FROM permission_grants WHERE id = ?", (identifier,))

    def take_away(self, context: Identity, authorized: Identity) -> None:
        """Take all away that one was given for work in one context."""
        self._database.execute(
            "DELETE FROM permission_grants WHERE holds_in = ? AND authorized = ? AND kind = ?",
            (str(context), str(authorized), GrantKind.PERSON),
        )

    def remove_all(self, identity: Identity) -> None:
        """Take away all that one was given, and all that was given in its own context and those below it."""
        text, below = str(identity), f"%:{identity.value}-%"
        self._database.execute(
            "DELETE FROM permission_grants WHERE granted_in = ? OR holds_in = ? OR authorized = ? "
            "OR granted_in LIKE ?",
            (text, text, text, below),
        )

    def block(self, context: Identity) -> None:
        self._database.execute("INSERT OR IGNORE INTO blocks VALUES (?)", (str(context),))

    def unblock(self, context: Identity) -> None:
        self._database.execute("DELETE FROM blocks WHERE context = ?", (str(context),))

    def is_blocked(self, context: Identity) -> bool:
        return self._database.row("SELECT 1 FROM blocks WHERE context = ?", (str(context),)) is not None


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))


def _row(grant: Grant) -> Row:
    return (
        grant.id,
        grant.kind,
        str(grant.granted_in),
        str(grant.holds_in),
        str(grant.authorized),
        grant.permission,
        grant.can_delegate,
        str(grant.author),
        grant.description,
        grant.started,
        msgspec.json.encode(grant.details),
    )


def _grant(row: Row) -> Grant:
    return Grant(
        id=row[0],
        kind=GrantKind(row[1]),
        granted_in=Identity.parse(row[2]),
        holds_in=Identity.parse(row[3]),
        authorized=Identity.parse(row[4]),
        permission=row[5],
        can_delegate=bool(row[6]),
        author=Identity.parse(row[7]),
        description=row[8],
        started=row[9],
        details=msgspec.json.decode(row[10]),
    )
