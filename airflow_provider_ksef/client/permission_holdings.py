"""Which permissions there are in a context, of every kind and in one form."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from airflow_provider_ksef.client import permission_queries
from airflow_provider_ksef.client.calls import Flow
from airflow_provider_ksef.client.permission_difference import HeldPermission, PermissionKey
from airflow_provider_ksef.client.permission_filters import (
    EntityAuthorizationPermissionsQueryRequest,
    PersonalPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
)
from airflow_provider_ksef.client.permission_grants_below import EU_REPRESENTATIVE_PERMISSIONS
from airflow_provider_ksef.client.permission_identifiers import ALL_PARTNERS
from airflow_provider_ksef.client.permission_results import (
    EuEntityPermission,
    PartyIdentifier,
    PersonPermission,
)
from airflow_provider_ksef.client.settings import ContextIdentifier

KINDS_OF = {
    "Nip": ("person", "entity", "authorization", "indirect", "subunit", "eu_entity_administration"),
    "InternalId": ("person", "entity"),
    "NipVatUe": ("eu_entity",),
    "PeppolId": (),
}
"""Which kinds of permissions are given in which type of context."""
KINDS = tuple(dict.fromkeys(kind for kinds in KINDS_OF.values() for kind in kinds))


def held_permissions(context: ContextIdentifier, kinds: Collection[str]) -> Flow[list[HeldPermission]]:
    """
    Find all permissions of some kinds that were given in a context; needs ``CredentialsManage``.

    :param context: of the client's settings.
    :param kinds: any of :data:`KINDS`.
    """
    held: list[HeldPermission] = []
    for names, read in _READERS:
        if not names.isdisjoint(kinds):
            held += yield from read(context)
    return [each for each in held if each.key.kind in kinds]


def own_permission_ids() -> Flow[frozenset[str]]:
    """Find the ids of the permissions by which the login itself works in its context."""
    told = yield from permission_queries.query_personal_grants(PersonalPermissionsQueryRequest())
    return frozenset(each.id for each in told.permissions)


def _persons(context: ContextIdentifier) -> Flow[list[HeldPermission]]:
    del context
    told = yield from permission_queries.query_persons_grants(PersonPermissionsQueryRequest())
    return [HeldPermission(each.id, _person_key(each)) for each in told]


def _person_key(each: PersonPermission) -> PermissionKey:
    who, permission = _party(each.authorized_identifier), each.permission_scope
    if each.target_identifier is not None:
        return PermissionKey("indirect", *who, permission, target=_shown(each.target_identifier))
    if each.subject_entity_details is not None and who[0] == "Nip":
        return PermissionKey("entity", *who, permission, can_delegate=each.can_delegate)
    return PermissionKey("person", *who, permission)


def _authorizations(context: ContextIdentifier) -> Flow[list[HeldPermission]]:
    del context
    request = EntityAuthorizationPermissionsQueryRequest("Granted")
    told = yield from permission_queries.query_authorizations_grants(request)
    return [
        HeldPermission(
            each.id,
            PermissionKey(
                "authorization", *_party(each.authorized_entity_identifier), each.authorization_scope
            ),
        )
        for each in told
    ]


def _subunits(context: ContextIdentifier) -> Flow[list[HeldPermission]]:
    del context
    told = yield from permission_queries.query_subunits_grants()
    return [
        HeldPermission(
            each.id,
            PermissionKey(
                "subunit",
                *_party(each.authorized_identifier),
                each.permission_scope,
                place=_shown(each.subunit_identifier),
            ),
        )
        for each in told
    ]


def _eu_entities(context: ContextIdentifier) -> Flow[list[HeldPermission]]:
    told = yield from permission_queries.query_eu_entities_grants()
    if context.type == "Nip":
        return [
            HeldPermission(
                each.id,
                _eu_key(
                    "eu_entity_administration", each, f"NipVatUe {context.value}-{each.vat_ue_identifier}"
                ),
            )
            for each in told
        ]
    return [HeldPermission(each.id, _eu_key("eu_entity", each, "")) for each in _representatives(told)]


def _representatives(told: Iterable[EuEntityPermission]) -> list[EuEntityPermission]:
    """Leave out administrators, whom the company in Poland appoints in its own context."""
    found = list(told)
    administrators = {
        each.authorized_fingerprint_identifier for each in found if each.permission_scope == "VatUeManage"
    }
    return [
        each
        for each in found
        if each.authorized_fingerprint_identifier not in administrators
        and each.permission_scope in EU_REPRESENTATIVE_PERMISSIONS
    ]


def _eu_key(kind: str, each: EuEntityPermission, place: str) -> PermissionKey:
    fingerprint = each.authorized_fingerprint_identifier.upper()
    return PermissionKey(kind, "Fingerprint", fingerprint, each.permission_scope, place=place)


def _party(identifier: PartyIdentifier) -> tuple[str, str]:
    value = identifier.value or ""
    return identifier.type, value.upper() if identifier.type == "Fingerprint" else value


def _shown(identifier: PartyIdentifier) -> str:
    return ALL_PARTNERS if identifier.type == ALL_PARTNERS else f"{identifier.type} {identifier.value}"


_READERS: tuple[
    tuple[frozenset[str], Callable[[ContextIdentifier], Flow[list[HeldPermission]]]],
    ...,
] = (
    (frozenset({"person", "entity", "indirect"}), _persons),
    (frozenset({"authorization"}), _authorizations),
    (frozenset({"subunit"}), _subunits),
    (frozenset({"eu_entity_administration", "eu_entity"}), _eu_entities),
)
