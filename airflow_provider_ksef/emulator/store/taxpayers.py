"""Whom the tax office knows: people, organisations, and how they belong together."""

# ruff: noqa: S608  the only texts put into statements are conditions of this module
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.database import Database, Row

ENFORCEMENT_AUTHORITY, COURT_BAILIFF = "EnforcementAuthority", "CourtBailiff"
_ROLES = {
    ENFORCEMENT_AUTHORITY: ENFORCEMENT_AUTHORITY,
    "VatGroup": "VatGroupUnit",
    "JST": "LocalGovernmentUnit",
}
_ROLES_BELOW = {"VatGroup": "VatGroupSubUnit", "JST": "LocalGovernmentSubUnit"}


@dataclass(frozen=True)
class Person:
    """Someone who has both a NIP and a PESEL."""

    nip: str
    pesel: str
    is_bailiff: bool
    is_deceased: bool
    description: str
    created: int


@dataclass(frozen=True)
class Entity:
    """
    An organisation.

    :param kind: ``EnforcementAuthority``, ``VatGroup`` or ``JST``.
    """

    nip: str
    kind: str
    description: str
    created: int


@dataclass(frozen=True)
class Role:
    """
    What somebody is, by itself or below another.

    :param name: KSeF's own, e.g. ``VatGroupSubUnit``.
    :param parent: NIP of the one that it is below.
    :param started: in ticks.
    """

    nip: str
    name: str
    parent: str | None
    description: str
    started: int


class TaxpayerStore:
    """People and organisations, as ``/testdata`` makes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_person(self, person: Person) -> None:
        self._database.execute("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?, 0)", astuple(person))

    def person(self, nip: str) -> Person | None:
        return next(iter(self._people(Identity("Nip", nip))), None)

    def remove_person(self, nip: str) -> None:
        self._database.execute("UPDATE people SET is_removed = 1 WHERE nip = ?", (nip,))

    def add_entity(self, entity: Entity, subunits: Iterable[tuple[str, str]]) -> None:
        """
        Add an organisation.

        :param subunits: NIP and description of those that belong to it.
        """
        with self._database.transaction():
            self._database.execute("INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, 0)", astuple(entity))
            self._database.execute_many(
                "INSERT OR REPLACE INTO subunits VALUES (?, ?, ?)", [(entity.nip, *each) for each in subunits]
            )

    def entity(self, nip: str) -> Entity | None:
        row = self._database.row("SELECT * FROM entities WHERE nip = ? AND NOT is_removed", (nip,))
        return Entity(*row[:4]) if row else None

    def remove_entity(self, nip: str) -> None:
        with self._database.transaction():
            self._database.execute("UPDATE entities SET is_removed = 1 WHERE nip = ?", (nip,))
            self._database.execute("DELETE FROM subunits WHERE parent = ?", (nip,))

    def last_created(self, table: str, nip: str) -> int | None:
        """When the ``people`` or ``entities`` row of a NIP was last made, removed ones included."""
        statements = {
            "people": "SELECT created FROM people WHERE nip = ?",
            "entities": "SELECT created FROM entities WHERE nip = ?",
        }
        row = self._database.row(statements[table], (nip,))
        return int(row[0]) if row else None

    def parents(self, nip: str) -> set[str]:
        """The VAT groups and local governments that a NIP belongs to."""
        rows = self._database.rows("SELECT parent FROM subunits WHERE nip = ?", (nip,))
        return {str(row[0]) for row in rows}

    def has_role(self, nip: str, role: str) -> bool:
        """Whether a NIP is an ``EnforcementAuthority`` or a ``CourtBailiff``."""
        if role == COURT_BAILIFF:
            person = self.person(nip)
            return person is not None and person.is_bailiff
        entity = self.entity(nip)
        return entity is not None and entity.kind == role

    def roles(self, nip: str) -> list[Role]:
        """What somebody is, the newest first."""
        found = self._below("s.nip = ?", nip)
        person, entity = self.person(nip), self.entity(nip)
        if person is not None and person.is_bailiff:
            found.append(Role(nip, COURT_BAILIFF, None, person.description, person.created))
        if entity is not None:
            found.append(Role(nip, _ROLES[entity.kind], None, entity.description, entity.created))
        return sorted(found, key=lambda role: -role.started)

    def subordinates(self, parent: str) -> list[Role]:
        """Those that belong to a VAT group or local government, the newest first."""
        return self._below("s.parent = ?", parent)

    def same_person(self, subject: Identity) -> set[Identity]:
        """All identifiers of whoever has this one."""
        people = self._people(subject)
        return {
            subject,
            *[Identity("Nip", person.nip) for person in people],
            *[Identity("Pesel", person.pesel) for person in people],
        }

    def is_deceased(self, subject: Identity) -> bool:
        return any(person.is_deceased for person in self._people(subject))

    def _below(self, condition: str, nip: str) -> list[Role]:
        rows = self._database.rows(
            "SELECT s.nip, e.kind, s.parent, s.description, e.created FROM subunits s "
            f"JOIN entities e ON e.nip = s.parent WHERE NOT e.is_removed AND {condition} "
            "ORDER BY e.created DESC, s.nip",
            (nip,),
        )
        return [Role(row[0], _ROLES_BELOW[row[1]], *row[2:]) for row in rows if row[1] in _ROLES_BELOW]

    def _people(self, subject: Identity) -> list[Person]:
        statements = {
            "Nip": "SELECT * FROM people WHERE nip = ? AND NOT is_removed",
            "Pesel": "SELECT * FROM people WHERE pesel = ? AND NOT is_removed",
        }
        if subject.type not in statements:
            return []
        return [_person(row) for row in self._database.rows(statements[subject.type], (subject.value,))]


def _person(row: Row) -> Person:
    return Person(row[0], row[1], bool(row[2]), bool(row[3]), row[4], row[5])
