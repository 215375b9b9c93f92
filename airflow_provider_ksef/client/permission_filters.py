"""What to search for among permissions: the bodies of KSeF's searches, checked before they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from airflow_provider_ksef.client.identifiers import is_vat_ue
from airflow_provider_ksef.client.input_checks import check_choice, check_choices
from airflow_provider_ksef.client.permission_grants import AUTHORIZATION_PERMISSIONS, PERSON_PERMISSIONS
from airflow_provider_ksef.client.permission_identifiers import (
    NO_COMPANY,
    AuthorIdentifier,
    EntityIdentifier,
    PlaceIdentifier,
    TargetIdentifier,
    check_type,
)
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

PERSONAL_PERMISSIONS = (*PERSON_PERMISSIONS, "VatUeManage")
EU_ENTITY_PERMISSIONS = ("VatUeManage", "InvoiceWrite", "InvoiceRead", "Introspection")
PERMISSION_STATES = ("Active", "Inactive")
PERSON_QUERY_TYPES = ("PermissionsInCurrentContext", "PermissionsGrantedInCurrentContext")
AUTHORIZATION_QUERY_TYPES = ("Granted", "Received")
_PLACES = ("Nip", "InternalId")
_NO_PLACE = "is not how KSeF searches for companies and their parts"


@dataclass(frozen=True)
class PersonalPermissionsQueryRequest:
    """
    Which permissions of one's own; what is None matters not.

    :param context_identifier: where they were given, ``Nip`` or ``InternalId``.
    :param target_identifier: for which client.
    :param permission_types: any of :data:`PERSONAL_PERMISSIONS`; all where there is none.
    :param permission_state: ``Active`` or ``Inactive``.
    :raises KsefInputError: where a value is unknown.
    """

    context_identifier: PlaceIdentifier | None = None
    target_identifier: TargetIdentifier | None = None
    permission_types: Sequence[str] = ()
    permission_state: str | None = None

    def __post_init__(self) -> None:
        _check_place("context_identifier", self.context_identifier)
        _check_types(self.permission_types, PERSONAL_PERMISSIONS)
        _check_state(self.permission_state)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(
            contextIdentifier=self.context_identifier,
            targetIdentifier=self.target_identifier,
            permissionTypes=list(self.permission_types) or None,
            permissionState=self.permission_state,
        )


@dataclass(frozen=True)
class PersonPermissionsQueryRequest:
    """
    Which permissions of people and companies; what is None matters not.

    :param query_type: ``PermissionsInCurrentContext`` for all who may work in the context, or
        ``PermissionsGrantedInCurrentContext`` for what the login itself has given there.
    :param author_identifier: who gave them.
    :param authorized_identifier: who has them.
    :param context_identifier: where they hold, ``Nip`` or ``InternalId``.
    :param target_identifier: for which client.
    :param permission_types: any of :data:`PERSON_PERMISSIONS`; all where there is none.
    :param permission_state: ``Active`` or ``Inactive``.
    :raises KsefInputError: where a value is unknown.
    """

    query_type: str = PERSON_QUERY_TYPES[0]
    author_identifier: AuthorIdentifier | None = None
    authorized_identifier: SubjectIdentifier | None = None
    context_identifier: PlaceIdentifier | None = None
    target_identifier: TargetIdentifier | None = None
    permission_types: Sequence[str] = ()
    permission_state: str | None = None

    def __post_init__(self) -> None:
        check_choice("query_type", self.query_type, PERSON_QUERY_TYPES)
        _check_place("context_identifier", self.context_identifier)
        _check_types(self.permission_types, PERSON_PERMISSIONS)
        _check_state(self.permission_state)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(
            queryType=self.query_type,
            authorIdentifier=self.author_identifier,
            authorizedIdentifier=self.authorized_identifier,
            contextIdentifier=self.context_identifier,
            targetIdentifier=self.target_identifier,
            permissionTypes=list(self.permission_types) or None,
            permissionState=self.permission_state,
        )


@dataclass(frozen=True)
class SubunitPermissionsQueryRequest:
    """
    Administrators below the context.

    :param subunit_identifier: the part or company below; None is any.
    :raises KsefInputError: where it is of a type that KSeF does not search for.
    """

    subunit_identifier: PlaceIdentifier | None = None

    def __post_init__(self) -> None:
        _check_place("subunit_identifier", self.subunit_identifier)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(subunitIdentifier=self.subunit_identifier)


@dataclass(frozen=True)
class EntityPermissionsQueryRequest:
    """
    What other companies let the context do.

    :param context_identifier: the other company, or a part of it; None is any.
    :raises KsefInputError: where it is of a type that KSeF does not search for.
    """

    context_identifier: PlaceIdentifier | None = None

    def __post_init__(self) -> None:
        _check_place("context_identifier", self.context_identifier)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(contextIdentifier=self.context_identifier)


@dataclass(frozen=True)
class SubordinateEntityRolesQueryRequest:
    """
    Companies below the context.

    :param subordinate_entity_identifier: a company's NIP; None is any.
    :raises KsefInputError: where it is no NIP.
    """

    subordinate_entity_identifier: PlaceIdentifier | None = None

    def __post_init__(self) -> None:
        if self.subordinate_entity_identifier is not None:
            field = "subordinate_entity_identifier"
            check_type(field, self.subordinate_entity_identifier, ("Nip",), NO_COMPANY)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(subordinateEntityIdentifier=self.subordinate_entity_identifier)


@dataclass(frozen=True)
class EntityAuthorizationPermissionsQueryRequest:
    """
    What companies let each other do in contexts of their own; what is None matters not.

    :param query_type: ``Granted`` for what the context allows, ``Received`` for what it is allowed.
    :param authorizing_identifier: who allows it, a ``Nip``; the context itself with ``Granted``.
    :param authorized_identifier: who is allowed it; the context itself with ``Received``.
    :param permission_types: any of :data:`AUTHORIZATION_PERMISSIONS`; all where there is none.
    :raises KsefInputError: where a value is unknown.
    """

    query_type: str
    authorizing_identifier: EntityIdentifier | None = None
    authorized_identifier: EntityIdentifier | None = None
    permission_types: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_choice("query_type", self.query_type, AUTHORIZATION_QUERY_TYPES)
        _check_types(self.permission_types, AUTHORIZATION_PERMISSIONS)
        if self.authorizing_identifier is not None:
            check_type("authorizing_identifier", self.authorizing_identifier, ("Nip",), "allows nothing")

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(
            queryType=self.query_type,
            authorizingIdentifier=self.authorizing_identifier,
            authorizedIdentifier=self.authorized_identifier,
            permissionTypes=list(self.permission_types) or None,
        )


@dataclass(frozen=True)
class EuEntityPermissionsQueryRequest:
    """
    Who acts for companies of other EU countries; what is None matters not.

    :param vat_ue_identifier: VAT number of the company, such as ``DE123456789``.
    :param authorized_fingerprint_identifier: a part of the fingerprint of the certificate.
    :param permission_types: any of :data:`EU_ENTITY_PERMISSIONS`; all where there is none.
    :raises KsefInputError: where a value is unknown, or the number is none of another EU country.
    """

    vat_ue_identifier: str | None = None
    authorized_fingerprint_identifier: str | None = None
    permission_types: Sequence[str] = ()

    def __post_init__(self) -> None:
        _check_types(self.permission_types, EU_ENTITY_PERMISSIONS)
        if self.vat_ue_identifier is not None and not is_vat_ue(self.vat_ue_identifier):
            raise KsefInputError(
                "vat_ue_identifier",
                self.vat_ue_identifier,
                "is not a VAT number of another EU country",
                "Give it with the country's letters, such as DE123456789; EL is Greece.",
            )

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return _body(
            vatUeIdentifier=self.vat_ue_identifier,
            authorizedFingerprintIdentifier=self.authorized_fingerprint_identifier,
            permissionTypes=list(self.permission_types) or None,
        )


class _Identifier(Protocol):
    def to_json(self) -> dict[str, str]: ...


def _body(**members: _Identifier | str | list[str] | None) -> dict[str, Any]:
    return {
        name: member if isinstance(member, str | list) else member.to_json()
        for name, member in members.items()
        if member is not None
    }


def _check_place(field: str, place: PlaceIdentifier | None) -> None:
    if place is not None:
        check_type(field, place, _PLACES, _NO_PLACE)


def _check_types(types: Sequence[str], known: Sequence[str]) -> None:
    if types:
        check_choices("permission_types", types, known)


def _check_state(state: str | None) -> None:
    if state is not None:
        check_choice("permission_state", state, PERMISSION_STATES)
