"""Permissions as data, such as a YAML file holds: from plain dictionaries to requests, checked on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from airflow_provider_ksef.client.input_checks import check_choices
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_difference import PermissionKey
from airflow_provider_ksef.client.permission_filters import EU_ENTITY_PERMISSIONS
from airflow_provider_ksef.client.permission_grants import (
    AUTHORIZATION_PERMISSIONS,
    ENTITY_PERMISSIONS,
    PERSON_PERMISSIONS,
    EntityAuthorizationPermissionsGrantRequest,
    EntityPermissionsGrantRequest,
    IndirectPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import (
    EU_REPRESENTATIVE_PERMISSIONS,
    EuEntityAdministrationPermissionsGrantRequest,
    EuEntityPermissionsGrantRequest,
    SubunitPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_holdings import KINDS
from airflow_provider_ksef.client.permission_identifiers import (
    ALL_PARTNERS,
    EntityIdentifier,
    PlaceIdentifier,
)
from airflow_provider_ksef.client.permission_members import Members
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

ADMINISTRATOR = ("CredentialsManage",)
"""What an administrator below the context gets; KSeF takes nothing else there."""


@dataclass(frozen=True)
class PermissionEntry:
    """
    Permissions of somebody, as they are wanted.

    :param keys: one for each permission.
    :param requests: that give all of them.
    """

    keys: tuple[PermissionKey, ...]
    requests: tuple[GrantRequest, ...]

    def requests_for(self, missing: Collection[PermissionKey]) -> list[GrantRequest]:
        """
        Give the requests that give only what is missing.

        :param missing: permissions; those of other entries do not matter.
        """
        lacking = {key.permission for key in self.keys if key in missing}
        return [
            request for each in self.requests if lacking and (request := _only(each, lacking)) is not None
        ]


def read_entries(field: str, given: object, context: ContextIdentifier) -> list[PermissionEntry]:
    """
    Read a list of permissions, and check each as far as that goes before anything is sent.

    :param field: the parameter that holds them.
    :param given: a list of dictionaries, see the page on permissions.
    :param context: in which they are given.
    :raises KsefInputError: names the entry by its number, the member, its value, and the rule.
    """
    if not isinstance(given, (list, tuple)):
        raise KsefInputError(field, type(given).__name__, "is no list", "Give a list of permissions.")
    entries = [read_entry(f"{field}[{number}]", each, context) for number, each in enumerate(given)]
    seen: set[PermissionKey] = set()
    for number, entry in enumerate(entries):
        for key in entry.keys:
            if key in seen:
                raise KsefInputError(
                    f"{field}[{number}]", str(key), "was wanted before in the list", "Name it once."
                )
            seen.add(key)
    return entries


def read_entry(field: str, given: object, context: ContextIdentifier) -> PermissionEntry:
    """
    Read one entry of such a list.

    :param field: the parameter that holds it.
    :param given: a dictionary.
    :param context: in which it is given.
    :raises KsefInputError: as :func:`read_entries` does.
    """
    entry = read_anywhere(field, given)
    with _placed(field):
        for request in entry.requests:
            request.check_context(context)
    return entry


def read_anywhere(field: str, given: object) -> PermissionEntry:
    """
    Read one entry as far as that goes where its context is not known yet.

    :param field: the parameter that holds it.
    :param given: a dictionary.
    :raises KsefInputError: as :func:`read_entries` does.
    """
    with _placed(field):
        members = Members.of(given)
        entry = _READERS[members.choice("kind", KINDS)](members)
        members.check_all_read()
    return entry


def read_keys(field: str, given: object) -> tuple[PermissionKey, ...]:
    """
    Read which permissions an entry means; who that is and why does not matter and may be left out.

    :param field: the parameter that holds it.
    :param given: a dictionary.
    :raises KsefInputError: as :func:`read_entries` does.
    """
    with _placed(field):
        members = Members.of(given)
        keys = _KEYS[members.choice("kind", KINDS)](members)
        members.pass_over("description", "subject_details", *_NAMES)
        members.check_all_read()
    return keys


@contextmanager
def _placed(field: str) -> Iterator[None]:
    """Tell a mistake with the parameter that holds the entry."""
    try:
        yield
    except KsefInputError as error:
        raise KsefInputError(f"{field}.{error.field}", error.value, error.problem, error.remedy) from error


def _person(members: Members) -> PermissionEntry:
    subject = _subject(members)
    request = PersonPermissionsGrantRequest(
        subject, members.names("permissions"), members.text("description"), members.person(subject.type)
    )
    return PermissionEntry(_person_keys(members), (request,))


def _entity(members: Members) -> PermissionEntry:
    request = EntityPermissionsGrantRequest(
        _subject(members), members.entity_permissions(), members.text("description"), members.entity()
    )
    return PermissionEntry(_entity_keys(members), (request,))


def _authorization(members: Members) -> PermissionEntry:
    subject, names = members.identifier("subject_identifier", EntityIdentifier), members.names("permissions")
    description, details = members.text("description"), members.entity()
    requests = tuple(
        EntityAuthorizationPermissionsGrantRequest(subject, name, description, details) for name in names
    )
    return PermissionEntry(_authorization_keys(members), requests)


def _indirect(members: Members) -> PermissionEntry:
    subject = _subject(members)
    request = IndirectPermissionsGrantRequest(
        subject,
        members.names("permissions"),
        members.text("description"),
        members.person(subject.type),
        members.target(),
    )
    return PermissionEntry(_indirect_keys(members), (request,))


def _subunit(members: Members) -> PermissionEntry:
    subject = _subject(members)
    request = SubunitPermissionsGrantRequest(
        subject,
        members.identifier("context_identifier", PlaceIdentifier),
        members.text("description"),
        members.person(subject.type),
        members.optional_text("subunit_name"),
    )
    return PermissionEntry(_subunit_keys(members), (request,))


def _eu_entity_administration(members: Members) -> PermissionEntry:
    request = EuEntityAdministrationPermissionsGrantRequest(
        _subject(members),
        members.identifier("context_identifier", PlaceIdentifier),
        members.text("description"),
        members.text("eu_entity_name"),
        members.eu_subject(),
        members.eu_entity(),
    )
    return PermissionEntry(_eu_administration_keys(members), (request,))


def _eu_entity(members: Members) -> PermissionEntry:
    request = EuEntityPermissionsGrantRequest(
        _subject(members), members.names("permissions"), members.text("description"), members.eu_subject()
    )
    return PermissionEntry(_eu_entity_keys(members), (request,))


def _person_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys("person", _subject(members), _names(members, PERSON_PERMISSIONS))


def _entity_keys(members: Members) -> tuple[PermissionKey, ...]:
    subject, permissions = _subject(members), members.entity_permissions()
    check_choices("permissions", [each.type for each in permissions], ENTITY_PERMISSIONS)
    return tuple(
        PermissionKey("entity", subject.type, subject.value, each.type, can_delegate=each.can_delegate)
        for each in permissions
    )


def _authorization_keys(members: Members) -> tuple[PermissionKey, ...]:
    subject = members.identifier("subject_identifier", EntityIdentifier)
    return _keys("authorization", subject, _names(members, AUTHORIZATION_PERMISSIONS))


def _indirect_keys(members: Members) -> tuple[PermissionKey, ...]:
    target = members.target()
    whose = ALL_PARTNERS if target is None or target.value is None else f"{target.type} {target.value}"
    return _keys("indirect", _subject(members), _names(members, ENTITY_PERMISSIONS), target=whose)


def _subunit_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys("subunit", _subject(members), _all_of(members, ADMINISTRATOR), place=_place(members))


def _eu_administration_keys(members: Members) -> tuple[PermissionKey, ...]:
    names = _all_of(members, EU_ENTITY_PERMISSIONS)
    return _keys("eu_entity_administration", _subject(members), names, place=_place(members))


def _eu_entity_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys("eu_entity", _subject(members), _names(members, EU_REPRESENTATIVE_PERMISSIONS))


def _names(members: Members, known: Collection[str]) -> tuple[str, ...]:
    """Read permissions by their names: one that is mistyped would be one that nobody has."""
    return check_choices("permissions", members.names("permissions"), known)


def _all_of(members: Members, given_together: tuple[str, ...]) -> tuple[str, ...]:
    """Read permissions of which there is no choice, so that they may be left out."""
    names = members.names("permissions", default=given_together)
    if set(names) != set(given_together):
        raise KsefInputError(
            "permissions",
            names,
            "are not what an administrator gets",
            f"Leave them out: it is always {', '.join(given_together)}.",
        )
    return given_together


def _place(members: Members) -> str:
    place = members.identifier("context_identifier", PlaceIdentifier)
    return f"{place.type} {place.value}"


def _subject(members: Members) -> SubjectIdentifier:
    return members.identifier("subject_identifier", SubjectIdentifier)


def _keys(
    kind: str,
    subject: SubjectIdentifier | EntityIdentifier,
    names: Collection[str],
    *,
    place: str = "",
    target: str = "",
) -> tuple[PermissionKey, ...]:
    return tuple(
        PermissionKey(kind, subject.type, subject.value, name, place=place, target=target) for name in names
    )


def _only(request: GrantRequest, lacking: Collection[str]) -> GrantRequest | None:
    """Narrow a request to what is lacking; None where it lacks nothing of it."""
    match request:
        case EntityPermissionsGrantRequest():
            granted = [each for each in request.permissions if each.type in lacking]
            return replace(request, permissions=granted) if granted else None
        case EntityAuthorizationPermissionsGrantRequest():
            return request if request.permission in lacking else None
        case (
            PersonPermissionsGrantRequest()
            | IndirectPermissionsGrantRequest()
            | EuEntityPermissionsGrantRequest()
        ):
            names = [name for name in request.permissions if name in lacking]
            return replace(request, permissions=names) if names else None
    return request


_NAMES = ("subunit_name", "eu_entity_name", "eu_entity_details")
_KEYS = {
    "person": _person_keys,
    "entity": _entity_keys,
    "authorization": _authorization_keys,
    "indirect": _indirect_keys,
    "subunit": _subunit_keys,
    "eu_entity_administration": _eu_administration_keys,
    "eu_entity": _eu_entity_keys,
}
_READERS = {
    "person": _person,
    "entity": _entity,
    "authorization": _authorization,
    "indirect": _indirect,
    "subunit": _subunit,
    "eu_entity_administration": _eu_entity_administration,
    "eu_entity": _eu_entity,
}
