"""Permissions as data, such as a YAML file holds: from plain dictionaries to requests, checked on the way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_ksef.client.input_checks import is_list
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_difference import PermissionKey
from airflow_provider_ksef.client.permission_grants import (
    EntityAuthorizationPermissionsGrantRequest,
    EntityPermissionsGrantRequest,
    IndirectPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import (
    EuEntityAdministrationPermissionsGrantRequest,
    EuEntityPermissionsGrantRequest,
    SubunitPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_holdings import KINDS
from airflow_provider_ksef.client.permission_identifiers import (
    EntityIdentifier,
    PlaceIdentifier,
)
from airflow_provider_ksef.client.permission_keys import keys_of, placed, subject_of
from airflow_provider_ksef.client.permission_members import Members
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.exceptions import KsefInputError


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
    entries = [
        read_entry(f"{field}[{number}]", each, context)
        for number, each in enumerate(check_list(field, given))
    ]
    seen: set[PermissionKey] = set()
    for number, entry in enumerate(entries):
        for key in entry.keys:
            if key in seen:
                raise KsefInputError(
                    f"{field}[{number}]", str(key), "was wanted before in the list", "Name it once."
                )
            seen.add(key)
    return entries


def check_list(field: str, given: object) -> Sequence[Any]:
    """
    Give a list of permissions back, whatever is in it.

    :param field: the parameter that holds it.
    :raises KsefInputError: where it is none.
    """
    if not is_list(given):
        raise KsefInputError(field, type(given).__name__, "is no list", "Give a list of permissions.")
    return given


def read_entry(field: str, given: object, context: ContextIdentifier) -> PermissionEntry:
    """
    Read one entry of such a list.

    :param field: the parameter that holds it.
    :param given: a dictionary.
    :param context: in which it is given.
    :raises KsefInputError: as :func:`read_entries` does.
    """
    entry = read_anywhere(field, given)
    with placed(field):
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
    with placed(field):
        members = Members.of(given)
        keys = keys_of(members)
        entry = PermissionEntry(keys, _REQUESTS[members.choice("kind", KINDS)](members))
        members.check_all_read()
    return entry


def _person(members: Members) -> tuple[GrantRequest, ...]:
    subject = subject_of(members)
    request = PersonPermissionsGrantRequest(
        subject, members.names("permissions"), members.text("description"), members.person(subject.type)
    )
    return (request,)


def _entity(members: Members) -> tuple[GrantRequest, ...]:
    request = EntityPermissionsGrantRequest(
        subject_of(members), members.entity_permissions(), members.text("description"), members.entity()
    )
    return (request,)


def _authorization(members: Members) -> tuple[GrantRequest, ...]:
    subject, names = members.identifier("subject_identifier", EntityIdentifier), members.names("permissions")
    description, details = members.text("description"), members.entity()
    return tuple(
        EntityAuthorizationPermissionsGrantRequest(subject, name, description, details) for name in names
    )


def _indirect(members: Members) -> tuple[GrantRequest, ...]:
    subject = subject_of(members)
    request = IndirectPermissionsGrantRequest(
        subject,
        members.names("permissions"),
        members.text("description"),
        members.person(subject.type),
        members.target(),
    )
    return (request,)


def _subunit(members: Members) -> tuple[GrantRequest, ...]:
    subject = subject_of(members)
    request = SubunitPermissionsGrantRequest(
        subject,
        members.identifier("context_identifier", PlaceIdentifier),
        members.text("description"),
        members.person(subject.type),
        members.optional_text("subunit_name"),
    )
    return (request,)


def _eu_entity_administration(members: Members) -> tuple[GrantRequest, ...]:
    request = EuEntityAdministrationPermissionsGrantRequest(
        subject_of(members),
        members.identifier("context_identifier", PlaceIdentifier),
        members.text("description"),
        members.text("eu_entity_name"),
        members.eu_subject(),
        members.eu_entity(),
    )
    return (request,)


def _eu_entity(members: Members) -> tuple[GrantRequest, ...]:
    request = EuEntityPermissionsGrantRequest(
        subject_of(members), members.names("permissions"), members.text("description"), members.eu_subject()
    )
    return (request,)


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


_REQUESTS = {
    "person": _person,
    "entity": _entity,
    "authorization": _authorization,
    "indirect": _indirect,
    "subunit": _subunit,
    "eu_entity_administration": _eu_entity_administration,
    "eu_entity": _eu_entity,
}
