"""Which companies may issue invoices for others in contexts of their own: ``SelfInvoicing`` and its like."""

# ruff: noqa: S608  the only texts put into statements are columns and placeholders of this package
from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database, Row

_COLUMNS = "id, authorizing, authorized, permission, author, description, full_name, started"


@dataclass(frozen=True)
class Authorization:
    """
    What one company allows another.

    :param permission: ``SelfInvoicing``, ``RRInvoicing``, ``TaxRepresentative`` or ``PefInvoicing``.
    :param full_name: of the authorized one, as whoever gave it wrote.
    :param started: in ticks.
    """

    id: str
    authorizing: Identity
    authorized: Identity
    permission: str
    author: Identity
    description: str
    full_name: str
    started: int


class AuthorizationStore:
    """Authorizations by who gave them and by who has them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, authorization: Authorization) -> None:
        """Keep an authorization; one that is there already stays."""
        each = authorization
        self._database.execute(
            f"INSERT OR IGNORE INTO authorizations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                each.id,
                str(each.authorizing),
                str(each.authorized),
                each.permission,
                str(each.author),
                each.description,
                each.full_name,
                each.started,
            ),
        )

    def get(self, identifier: str) -> Authorization | None:
        row = self._database.row(f"SELECT {_COLUMNS} FROM authorizations WHERE id = ?", (identifier.lower(),))
        return _authorization(row) if row else None

    def given_by(self, authorizing: Identity) -> list[Authorization]:
        """What a company allows others, the newest first."""
        return self._select("authorizing", authorizing)

    def given_to(self, authorized: Identity) -> list[Authorization]:
        """What others allow a company, the newest first."""
        return self._select("authorized", authorized)

    def allows(self, authorizing: Identity, authorized: Identity, permission: str) -> bool:
        """Whether one company allows another something."""
        found = self._database.row(
            "SELECT 1 FROM authorizations WHERE authorizing = ? AND authorized = ? AND permission = ?",
            (str(authorizing), str(authorized), permission),
        )
        return found is not None

    def remove(self, identifier: str) -> None:
        self._database.execute("DELETE FROM authorizations WHERE id = ?", (identifier,))

    def remove_all(self, identity: Identity) -> None:
        """Take away all that a company allows and all that it is allowed."""
        self._database.execute(
            "DELETE FROM authorizations WHERE authorizing = ? OR authorized = ?",
            (str(identity), str(identity)),
        )

    def _select(self, column: str, identity: Identity) -> list[Authorization]:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM authorizations WHERE {column} = ? ORDER BY started DESC, id",
            (str(identity),),
        )
        return [_authorization(row) for row in rows]


def _authorization(row: Row) -> Authorization:
    return Authorization(
        row[0],
        Identity.parse(row[1]),
        Identity.parse(row[2]),
        row[3],
        Identity.parse(row[4]),
        *row[5:],
    )
