"""The filters of searches for permissions."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

from airflow_provider_ksef.emulator.choices import Choice, TokenPermission
from airflow_provider_ksef.emulator.grant_identifiers import (
    AuthorIdentifier,
    EntityIdentifier,
    NipIdentifier,
    PersonIdentifier,
    PlaceIdentifier,
    TargetIdentifier,
)
from airflow_provider_ksef.emulator.grant_requests import AuthorizationPermission
from airflow_provider_ksef.emulator.identities import VAT_UE
from airflow_provider_ksef.emulator.store.authorizations import Authorization
from airflow_provider_ksef.emulator.store.grants import Grant, GrantKind
from airflow_provider_ksef.emulator.wire import WireModel

T = TypeVar("T")


class PersonalPermission(Choice):
    """What somebody may have."""

    CREDENTIALS_MANAGE = "CredentialsManage"
    CREDENTIALS_READ = "CredentialsRead"
    INVOICE_WRITE = "InvoiceWrite"
    INVOICE_READ = "InvoiceRead"
    INTROSPECTION = "Introspection"
    SUBUNIT_MANAGE = "SubunitManage"
    ENFORCEMENT_OPERATIONS = "EnforcementOperations"
    VAT_UE_MANAGE = "VatUeManage"
    COLLECTIVE_IDENTIFIER_MANAGE = "CollectiveIdentifierManage"


class EuPermission(Choice):
    """What somebody may have in a composite context."""

    VAT_UE_MANAGE = "VatUeManage"
    INVOICE_WRITE = "InvoiceWrite"
    INVOICE_READ = "InvoiceRead"
    INTROSPECTION = "Introspection"


class PermissionState(Choice):
    """Whether a permission can be used; one that was passed on cannot once its client took it back."""

    ACTIVE = "Active"
    INACTIVE = "Inactive"


class PersonQueryType(Choice):
    """All who may work in a context, or what the one who asks has given there."""

    HELD = "PermissionsInCurrentContext"
    GRANTED = "PermissionsGrantedInCurrentContext"


class AuthorizationQueryType(Choice):
    """What a company allows others, or what others allow it."""

    GRANTED = "Granted"
    RECEIVED = "Received"


class PersonalFilter(WireModel):
    """Which of one's own permissions."""

    context_identifier: PlaceIdentifier | None = None
    target_identifier: TargetIdentifier | None = None
    permission_types: list[PersonalPermission] | None = None
    permission_state: PermissionState | None = None

    def admits(self, grant: Grant, state: str) -> bool:
        return (
            _is_any(grant.permission, self.permission_types)
            and _is(state, self.permission_state)
            and _is_at(grant, self.context_identifier, self.target_identifier)
        )


class PersonFilter(WireModel):
    """Which permissions of people and companies."""

    query_type: PersonQueryType
    author_identifier: AuthorIdentifier | None = None
    authorized_identifier: PersonIdentifier | None = None
    context_identifier: PlaceIdentifier | None = None
    target_identifier: TargetIdentifier | None = None
    permission_types: list[TokenPermission] | None = None
    permission_state: PermissionState | None = None

    def admits(self, grant: Grant, state: str) -> bool:
        author, authorized = self.author_identifier, self.authorized_identifier
        return (
            _is_any(grant.permission, self.permission_types)
            and _is(state, self.permission_state)
            and _is(grant.author, author.identity if author else None)
            and _is(grant.authorized, authorized.identity if authorized else None)
            and _is_at(grant, self.context_identifier, self.target_identifier)
        )


class SubunitFilter(WireModel):
    """Administrators of which company or part."""

    subunit_identifier: PlaceIdentifier | None = None

    def admits(self, grant: Grant) -> bool:
        wanted = self.subunit_identifier
        return _is(grant.holds_in, wanted.identity if wanted else None)


class EntityFilter(WireModel):
    """Which client's permissions."""

    context_identifier: PlaceIdentifier | None = None

    def admits(self, grant: Grant) -> bool:
        wanted = self.context_identifier
        return _is(grant.granted_in, wanted.identity if wanted else None)


class SubordinateFilter(WireModel):
    """Which company below."""

    subordinate_entity_identifier: NipIdentifier | None = None


class AuthorizationFilter(WireModel):
    """Which authorizations."""

    query_type: AuthorizationQueryType
    authorizing_identifier: NipIdentifier | None = None
    authorized_identifier: EntityIdentifier | None = None
    permission_types: list[AuthorizationPermission] | None = None

    def admits(self, each: Authorization) -> bool:
        giver, taker = self.authorizing_identifier, self.authorized_identifier
        return (
            _is_any(each.permission, self.permission_types)
            and _is(each.authorizing, giver.identity if giver else None)
            and _is(each.authorized, taker.identity if taker else None)
        )


class EuEntityFilter(WireModel):
    """Which permissions in composite contexts; the fingerprint need not be whole."""

    vat_ue_identifier: Annotated[str, Field(pattern=f"^({VAT_UE})$")] | None = None
    authorized_fingerprint_identifier: str | None = None
    permission_types: list[EuPermission] | None = None

    def admits(self, grant: Grant) -> bool:
        part = (self.authorized_fingerprint_identifier or "").upper()
        return (
            _is_any(grant.permission, self.permission_types)
            and _is(grant.holds_in.value.partition("-")[2], self.vat_ue_identifier)
            and part in grant.authorized.value
        )


def _is(value: T, wanted: T | None) -> bool:
    return wanted is None or value == wanted


def _is_any(value: str, wanted: list[T] | None) -> bool:
    return not wanted or value in wanted


def _is_at(grant: Grant, context: PlaceIdentifier | None, target: TargetIdentifier | None) -> bool:
    """Compare where a permission was given and where it holds; both are one unless it was passed on."""
    given = grant.granted_in if grant.kind is GrantKind.INDIRECT else grant.holds_in
    return _is(given, context.identity if context else None) and _is(
        grant.holds_in, target.identity if target else None
    )
