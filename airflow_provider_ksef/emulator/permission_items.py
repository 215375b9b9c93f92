"""How permissions, authorizations and roles are told."""

from __future__ import annotations

from typing import Any

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.store.authorizations import Authorization
from airflow_provider_ksef.emulator.store.grants import Grant, GrantKind
from airflow_provider_ksef.emulator.store.taxpayers import Role
from airflow_provider_ksef.emulator.wire import present

_PLACES = ("Nip", "InternalId")


def personal_permission(grant: Grant, state: str, subject: Identity) -> dict[str, Any]:
    """Tell somebody what they have themselves."""
    return {
        **_permission(grant, state),
        **present(
            contextIdentifier=_place(_given_at(grant)),
            authorizedIdentifier=None if grant.authorized == subject else grant.authorized.to_json(),
        ),
    }


def person_permission(grant: Grant, state: str) -> dict[str, Any]:
    """Tell an administrator what somebody has."""
    is_passed_on = grant.kind is GrantKind.INDIRECT
    return {
        **_permission(grant, state),
        **present(contextIdentifier=None if is_passed_on else _place(grant.holds_in)),
        "authorizedIdentifier": grant.authorized.to_json(),
        "authorIdentifier": _identifier(grant.author),
    }


def subunit_permission(grant: Grant) -> dict[str, Any]:
    """Tell of an administrator below the context."""
    return {
        **_basics(grant),
        "permissionScope": grant.permission,
        "authorizedIdentifier": grant.authorized.to_json(),
        "subunitIdentifier": grant.holds_in.to_json(),
        "authorIdentifier": grant.author.to_json(),
        **_details(grant, "subjectPersonDetails", "subunitName"),
    }


def entity_permission(grant: Grant) -> dict[str, Any]:
    """Tell a company what another one lets it do."""
    return {
        **_basics(grant),
        "permissionScope": grant.permission,
        "contextIdentifier": grant.granted_in.to_json(),
        "canDelegate": grant.can_delegate,
    }


def eu_entity_permission(grant: Grant) -> dict[str, Any]:
    """Tell what somebody has in a composite context."""
    names = ("subjectPersonDetails", "subjectEntityDetails", "euEntityName", "euEntityDetails")
    return {
        **_basics(grant),
        "permissionScope": grant.permission,
        "authorIdentifier": grant.author.to_json(),
        "vatUeIdentifier": grant.holds_in.value.partition("-")[2],
        "authorizedFingerprintIdentifier": grant.authorized.value,
        **_details(grant, *names),
    }


def authorization_grant(each: Authorization) -> dict[str, Any]:
    """Tell what one company allows another."""
    return {
        "id": each.id,
        "authorIdentifier": each.author.to_json(),
        "authorizedEntityIdentifier": each.authorized.to_json(),
        "authorizingEntityIdentifier": each.authorizing.to_json(),
        "authorizationScope": each.permission,
        "description": each.description,
        "subjectEntityDetails": {"subjectDetailsType": "EntityByIdentifier", "fullName": each.full_name},
        "startDate": format_moment(each.started),
    }


def entity_role(role: Role) -> dict[str, Any]:
    """Tell a company what it is to others."""
    parent = None if role.parent is None else Identity("Nip", role.parent).to_json()
    return {**present(parentEntityIdentifier=parent), **_role(role)}


def subordinate_role(role: Role) -> dict[str, Any]:
    """Tell a company what another one is to it."""
    return {"subordinateEntityIdentifier": Identity("Nip", role.nip).to_json(), **_role(role)}


def _role(role: Role) -> dict[str, Any]:
    return {
        "role": role.name,
        "description": role.description,
        "startDate": format_moment(role.started),
    }


def _permission(grant: Grant, state: str) -> dict[str, Any]:
    target = _identifier(grant.holds_in) if grant.kind is GrantKind.INDIRECT else None
    return {
        **_basics(grant),
        **present(targetIdentifier=target),
        "permissionScope": grant.permission,
        **_details(grant, "subjectPersonDetails", "subjectEntityDetails"),
        "permissionState": state,
        "canDelegate": grant.can_delegate,
    }


def _basics(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "description": grant.description,
        "startDate": format_moment(grant.started),
    }


def _details(grant: Grant, *names: str) -> dict[str, Any]:
    return {name: grant.details[name] for name in names if name in grant.details}


def _given_at(grant: Grant) -> Identity:
    return grant.granted_in if grant.kind is GrantKind.INDIRECT else grant.holds_in


def _place(place: Identity) -> dict[str, str] | None:
    return place.to_json() if place.type in _PLACES else None


def _identifier(identity: Identity) -> dict[str, str]:
    return present(type=identity.type, value=identity.value or None)
