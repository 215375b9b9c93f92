"""Which permissions an entry of a list means, whoever that is and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from airflow_provider_ksef.client.input_checks import check_choices
from airflow_provider_ksef.client.permission_difference import PermissionKey
from airflow_provider_ksef.client.permission_filters import EU_ENTITY_PERMISSIONS
from airflow_provider_ksef.client.permission_grants import (
    AUTHORIZATION_PERMISSIONS,
    ENTITY_PERMISSIONS,
    PERSON_PERMISSIONS,
)
from airflow_provider_ksef.client.permission_grants_below import EU_REPRESENTATIVE_PERMISSIONS
from airflow_provider_ksef.client.permission_holdings import KINDS
from airflow_provider_ksef.client.permission_identifiers import (
    ALL_PARTNERS,
    EntityIdentifier,
    PlaceIdentifier,
)
from airflow_provider_ksef.client.permission_members import Members, check_permission
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

ADMINISTRATOR = ("CredentialsManage",)
"""What an administrator below the context gets; KSeF takes nothing else there."""


def read_keys(field: str, given: object) -> tuple[PermissionKey, ...]:
    """
    Read which permissions an entry means; who that is and why does not matter and may be left out.

    :param field: the parameter that holds it.
    :param given: a dictionary.
    :raises KsefInputError: as :func:`permission_entries.read_entries` does.
    """
    with placed(field):
        members = Members.of(given)
        keys = keys_of(members)
        members.pass_over("description", "subject_details", *_NAMES)
        members.check_all_read()
    return keys


def keys_of(members: Members) -> tuple[PermissionKey, ...]:
    """
    Read which permissions an entry of a known kind means.

    :param members: of the entry.
    """
    return _KEYS[members.choice("kind", KINDS)](members)


def subject_of(members: Members) -> SubjectIdentifier:
    """
    Read who has the permissions of an entry.

    :param members: of the entry.
    """
    return members.identifier("subject_identifier", SubjectIdentifier)


@contextmanager
def placed(field: str) -> Iterator[None]:
    """
    Tell a mistake with the parameter that holds the entry.

    :param field: that parameter.
    """
    try:
        yield
    except KsefInputError as error:
        raise KsefInputError(f"{field}.{error.field}", error.value, error.problem, error.remedy) from error


def _person_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys("person", subject_of(members), _names(members, "person", PERSON_PERMISSIONS))


def _entity_keys(members: Members) -> tuple[PermissionKey, ...]:
    subject, permissions = subject_of(members), members.entity_permissions()
    check_choices("permissions", [each.type for each in permissions], ENTITY_PERMISSIONS)
    return tuple(
        PermissionKey("entity", subject.type, subject.value, each.type, can_delegate=each.can_delegate)
        for each in permissions
    )


def _authorization_keys(members: Members) -> tuple[PermissionKey, ...]:
    subject = members.identifier("subject_identifier", EntityIdentifier)
    return _keys("authorization", subject, _names(members, "authorization", AUTHORIZATION_PERMISSIONS))


def _indirect_keys(members: Members) -> tuple[PermissionKey, ...]:
    target = members.target()
    whose = ALL_PARTNERS if target is None or target.value is None else f"{target.type} {target.value}"
    return _keys(
        "indirect", subject_of(members), _names(members, "indirect", ENTITY_PERMISSIONS), target=whose
    )


def _subunit_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys("subunit", subject_of(members), _all_of(members, ADMINISTRATOR), place=_place(members))


def _eu_administration_keys(members: Members) -> tuple[PermissionKey, ...]:
    names = _all_of(members, EU_ENTITY_PERMISSIONS)
    return _keys("eu_entity_administration", subject_of(members), names, place=_place(members))


def _eu_entity_keys(members: Members) -> tuple[PermissionKey, ...]:
    return _keys(
        "eu_entity", subject_of(members), _names(members, "eu_entity", EU_REPRESENTATIVE_PERMISSIONS)
    )


def _names(members: Members, kind: str, known: Collection[str]) -> tuple[str, ...]:
    """Read permissions by their names: one that is mistyped would be one that nobody has."""
    names = members.names("permissions")
    for name in names:
        check_permission(kind, name, known)
    return check_choices("permissions", names, known)


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
