"""Reading the members of a permission that is given as data, each under its name and once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from airflow_provider_ksef.client.input_checks import check_choice, is_list
from airflow_provider_ksef.client.permission_details import (
    EntityByFp,
    EntityDetails,
    EuEntityDetails,
    EuSubjectDetails,
    IdDocument,
    PersonByFpNoId,
    PersonByFpWithId,
    PersonById,
    PersonDetails,
)
from airflow_provider_ksef.client.permission_grants import ENTITY_PERMISSIONS, EntityPermission
from airflow_provider_ksef.client.permission_identifiers import ALL_PARTNERS, TargetIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError


class _Identifier(Protocol):
    def __init__(self, type: str, value: str) -> None: ...  # noqa: A002


T = TypeVar("T")
I = TypeVar("I", bound=_Identifier)  # noqa: E741


class Members:
    """
    What stands in a dictionary that a person wrote.

    :param given: the dictionary.
    :param path: where it stands in the entry, such as ``subject_details.``; empty for the entry itself.
    """

    def __init__(self, given: Mapping[Any, Any], path: str = "") -> None:
        self._given = given
        self._path = path
        self._read: set[str] = set()
        self._parts: list[Members] = []

    @classmethod
    def of(cls, given: object) -> Members:
        """
        Take an entry.

        :raises KsefInputError: where it is no dictionary.
        """
        if not isinstance(given, Mapping):
            raise KsefInputError(
                "entry", type(given).__name__, "is no permission", "Give a dictionary with kind and the rest."
            )
        return cls(given)

    def check_all_read(self) -> None:
        """
        Make sure that there is nothing besides what was read.

        :raises KsefInputError: where a member is of no use, which a typing error would be.
        """
        for name in self._given:
            if name not in self._read:
                raise KsefInputError(
                    f"{self._path}{name}",
                    None,
                    "is no member of such a permission",
                    f"It takes: {', '.join(sorted(self._read))}.",
                )
        for part in self._parts:
            part.check_all_read()

    def pass_over(self, *names: str) -> None:
        """Let members be there that do not matter."""
        self._read.update(names)

    def text(self, name: str) -> str:
        """Read a text that must be there."""
        value = self.optional_text(name)
        if value is None:
            raise KsefInputError(f"{self._path}{name}", None, "is missing", "Give it.")
        return value

    def optional_text(self, name: str) -> str | None:
        """Read a text that may be left out."""
        value = self._take(name)
        if value is not None and not isinstance(value, str):
            raise KsefInputError(
                f"{self._path}{name}",
                value,
                f"is of type {type(value).__name__}, not a text",
                "Put it into quotation marks.",
            )
        return value

    def flag(self, name: str) -> bool:
        """Read what is true or false; false where it is left out."""
        value = self._take(name)
        if value not in (None, True, False):
            raise KsefInputError(f"{self._path}{name}", value, "is not true or false", "Give one of the two.")
        return bool(value)

    def choice(self, name: str, known: Collection[str]) -> str:
        """Read a text that is one of several."""
        return check_choice(f"{self._path}{name}", self.text(name), known)

    def names(self, name: str, default: Sequence[str] | None = None) -> list[str]:
        """Read a list of names."""
        value = self._take(name)
        if value is None and default is not None:
            return list(default)
        if not is_list(value) or not all(isinstance(each, str) for each in value):
            raise KsefInputError(f"{self._path}{name}", value, "is no list of names", "Give a list.")
        return list(value)

    def identifier(self, name: str, kind: type[I]) -> I:
        """Read an identifier: its type and value."""
        part = self._part(name)
        if part is None:
            raise KsefInputError(f"{self._path}{name}", None, "is missing", "Give its type and value.")
        return part.made(lambda: kind(part.text("type"), part.text("value")))

    def target(self) -> TargetIdentifier | None:
        """Read whose invoices somebody handles; None is all clients."""
        part = self._part("target_identifier")
        if part is None:
            return None
        kind, value = part.text("type"), part.optional_text("value")
        return (
            None
            if kind == ALL_PARTNERS and value is None
            else part.made(lambda: TargetIdentifier(kind, value))
        )

    def entity_permissions(self) -> list[EntityPermission]:
        """Read what a company may do: names, or dictionaries with ``type`` and ``can_delegate``."""
        value = self._take("permissions")
        if not is_list(value):
            raise KsefInputError(f"{self._path}permissions", value, "is no list", "Give a list.")
        return [self._entity_permission(each) for each in value]

    def person(self, subject_type: str) -> PersonDetails:
        """Read who a person is, by the way in which it logs in."""
        part = self._details()
        if subject_type != "Fingerprint":
            return part.made(lambda: PersonById(part.text("first_name"), part.text("last_name")))
        return part.made(part.person_by_fingerprint)

    def eu_subject(self) -> EuSubjectDetails:
        """Read who acts for a company of another EU country: a company's seal or a person."""
        part = self._details()
        if part.has("full_name"):
            return part.made(lambda: EntityByFp(part.text("full_name"), part.text("address")))
        return part.made(part.person_by_fingerprint)

    def entity(self) -> EntityDetails:
        """Read a Polish company's name."""
        part = self._details()
        return part.made(lambda: EntityDetails(part.text("full_name")))

    def eu_entity(self) -> EuEntityDetails:
        """Read name and address of a company of another EU country."""
        part = self._needed("eu_entity_details")
        return part.made(lambda: EuEntityDetails(part.text("full_name"), part.text("address")))

    def person_by_fingerprint(self) -> PersonByFpWithId | PersonByFpNoId:
        """Read who a person is whose certificate does not tell it."""
        names = self.text("first_name"), self.text("last_name")
        if self.has("identifier"):
            return PersonByFpWithId(*names, self.identifier("identifier", SubjectIdentifier))
        document = self._needed("id_document")
        return PersonByFpNoId(
            *names,
            self._date("birth_date"),
            IdDocument(document.text("type"), document.text("number"), document.text("country")),
        )

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return self._given.get(name) is not None

    def made(self, make: Callable[[], T]) -> T:
        """Make something of what was read; what is wrong with it is told with the place where it stands."""
        try:
            return make()
        except KsefInputError as error:
            field = error.field if error.field.startswith(self._path) else f"{self._path}{error.field}"
            raise KsefInputError(field, error.value, error.problem, error.remedy) from error

    def _take(self, name: str) -> Any:
        self._read.add(name)
        return self._given.get(name)

    def _part(self, name: str) -> Members | None:
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise KsefInputError(
                f"{self._path}{name}", type(value).__name__, "is no dictionary", "Give its members by name."
            )
        part = Members(value, f"{self._path}{name}.")
        self._parts.append(part)
        return part

    def _needed(self, name: str) -> Members:
        part = self._part(name)
        if part is None:
            raise KsefInputError(f"{self._path}{name}", None, "is missing", "Give it.")
        return part

    def _details(self) -> Members:
        return self._needed("subject_details")

    def _date(self, name: str) -> date:
        value = self._take(name)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise KsefInputError(
                f"{self._path}{name}", str(value), "is no date", "Give one such as 1980-02-29."
            ) from error

    def _entity_permission(self, given: object) -> EntityPermission:
        if isinstance(given, str):
            return EntityPermission(check_permission("entity", given, ENTITY_PERMISSIONS))
        part = Members.of(given)
        self._parts.append(part)
        can_delegate = part.flag("can_delegate")
        name = check_permission("entity", part.text("type"), ENTITY_PERMISSIONS)
        return EntityPermission(name, can_delegate)


def check_permission(kind: str, name: str, known: Collection[str]) -> str:
    """
    Give a permission's name back, or say that it cannot be given so.

    :param kind: of the permission.
    :param known: what KSeF has of that kind.
    :raises KsefInputError: where it is mistyped, or of another kind.
    """
    if name not in known:
        raise KsefInputError(
            "permissions",
            name,
            f"is none of those that KSeF has for {kind}",
            f"Give some of: {', '.join(known)}.",
        )
    return name
