"""The requests that give permissions, and the grants that each of them asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, model_validator

from airflow_provider_ksef.emulator.choices import Choice, TokenPermission
from airflow_provider_ksef.emulator.grant_identifiers import (
    CompositeIdentifier,
    EntityIdentifier,
    FingerprintIdentifier,
    NipIdentifier,
    PersonIdentifier,
    SubunitIdentifier,
    TargetIdentifier,
)
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.authorizations import Authorization
from airflow_provider_ksef.emulator.store.grants import ALL_PARTNERS, Grant, GrantKind, new_id
from airflow_provider_ksef.emulator.subject_details import (
    EntityByFp,
    EntityDetails,
    EuSubject,
    PersonSubject,
)
from airflow_provider_ksef.emulator.wire import WireModel, present

T = TypeVar("T")
Description = Annotated[str, Field(min_length=5, max_length=256)]
_EU_ADMINISTRATION = ("VatUeManage", "InvoiceWrite", "InvoiceRead", "Introspection")


class InvoicePermission(Choice):
    """What one may do with invoices."""

    INVOICE_WRITE = "InvoiceWrite"
    INVOICE_READ = "InvoiceRead"


class EntityPermission(Choice):
    """What a company may do for another, or pass on to a person; the last one came with API 2.8."""

    INVOICE_WRITE = "InvoiceWrite"
    INVOICE_READ = "InvoiceRead"
    COLLECTIVE_IDENTIFIER_MANAGE = "CollectiveIdentifierManage"


class AuthorizationPermission(Choice):
    """For what a company may issue another's invoices."""

    SELF_INVOICING = "SelfInvoicing"
    RR_INVOICING = "RRInvoicing"
    TAX_REPRESENTATIVE = "TaxRepresentative"
    PEF_INVOICING = "PefInvoicing"


@dataclass(frozen=True)
class Giving:
    """Who gives permissions, in which context, and when."""

    context: Identity
    author: Identity
    moment: int


def _once(values: list[T]) -> list[T]:
    if len(set(values)) < len(values):
        raise ValueError("names a permission twice")
    return values


class _GrantBody(WireModel):
    description: Description

    def _grants(
        self,
        giving: Giving,
        kind: GrantKind,
        *,
        authorized: Identity,
        permissions: Iterable[tuple[str, bool]],
        details: dict[str, Any],
        holds_in: Identity | None = None,
    ) -> list[Grant]:
        return [
            Grant(
                id=new_id(),
                kind=kind,
                granted_in=giving.context,
                holds_in=holds_in or giving.context,
                authorized=authorized,
                permission=permission,
                can_delegate=can_delegate,
                author=giving.author,
                description=self.description,
                started=giving.moment,
                details=details,
            )
            for permission, can_delegate in permissions
        ]


class PersonGrantBody(_GrantBody):
    """Permissions of a person, to work in the context."""

    subject_identifier: PersonIdentifier
    permissions: Annotated[list[TokenPermission], Field(min_length=1), AfterValidator(_once)]
    subject_details: PersonSubject

    def to_grants(self, giving: Giving) -> list[Grant]:
        return self._grants(
            giving,
            GrantKind.PERSON,
            authorized=self.subject_identifier.identity,
            permissions=[(each.value, False) for each in self.permissions],
            details=self.subject_details.to_json(),
        )


class EntityPermissionBody(WireModel):
    """One permission of a company, and whether it may be passed on."""

    type: EntityPermission
    can_delegate: bool = False


class EntityGrantBody(_GrantBody):
    """Permissions of a company, to handle the context's invoices."""

    subject_identifier: NipIdentifier
    permissions: list[EntityPermissionBody] = Field(min_length=1)
    subject_details: EntityDetails

    @model_validator(mode="after")
    def _names_each_once(self) -> EntityGrantBody:
        _once([each.type for each in self.permissions])
        return self

    def to_grants(self, giving: Giving) -> list[Grant]:
        entity = {"subjectDetailsType": "EntityByIdentifier", "fullName": self.subject_details.full_name}
        return self._grants(
            giving,
            GrantKind.ENTITY,
            authorized=self.subject_identifier.identity,
            permissions=[(each.type.value, each.can_delegate) for each in self.permissions],
            details={"subjectEntityDetails": entity},
        )


class IndirectGrantBody(_GrantBody):
    """Permissions of a person, to handle the invoices of the context's clients."""

    subject_identifier: PersonIdentifier
    target_identifier: TargetIdentifier | None = None
    permissions: Annotated[list[EntityPermission], Field(min_length=1), AfterValidator(_once)]
    subject_details: PersonSubject

    def to_grants(self, giving: Giving) -> list[Grant]:
        target = self.target_identifier
        return self._grants(
            giving,
            GrantKind.INDIRECT,
            authorized=self.subject_identifier.identity,
            permissions=[(each.value, False) for each in self.permissions],
            details=self.subject_details.to_json(),
            holds_in=target.identity if target else ALL_PARTNERS,
        )


class SubunitGrantBody(_GrantBody):
    """An administrator of a company below the context, or of a part of it."""

    subject_identifier: PersonIdentifier
    context_identifier: SubunitIdentifier
    subunit_name: Annotated[str, Field(min_length=5, max_length=256)] | None = None
    subject_details: PersonSubject

    @model_validator(mode="after")
    def _names_the_part(self) -> SubunitGrantBody:
        if self.context_identifier.type == "InternalId" and self.subunit_name is None:
            raise ValueError("'subunitName' must not be empty for an InternalId")
        return self

    def to_grants(self, giving: Giving) -> list[Grant]:
        return self._grants(
            giving,
            GrantKind.SUBUNIT,
            authorized=self.subject_identifier.identity,
            permissions=[("CredentialsManage", False)],
            details={**self.subject_details.to_json(), **present(subunitName=self.subunit_name)},
            holds_in=self.context_identifier.identity,
        )


class EuAdministrationGrantBody(_GrantBody):
    """An administrator for a company of another EU country that issues the context's invoices."""

    subject_identifier: FingerprintIdentifier
    context_identifier: CompositeIdentifier
    eu_entity_name: str = Field(min_length=5, max_length=256)
    subject_details: EuSubject
    eu_entity_details: EntityByFp

    def to_grants(self, giving: Giving) -> list[Grant]:
        return self._grants(
            giving,
            GrantKind.EU_ADMINISTRATION,
            authorized=self.subject_identifier.identity,
            permissions=[(each, False) for each in _EU_ADMINISTRATION],
            details={
                **self.subject_details.to_json(),
                "euEntityName": self.eu_entity_name,
                "euEntityDetails": self.eu_entity_details.to_json(),
            },
            holds_in=self.context_identifier.identity,
        )


class EuEntityGrantBody(_GrantBody):
    """Permissions of somebody who acts for a company of another EU country, in the composite context."""

    subject_identifier: FingerprintIdentifier
    permissions: Annotated[list[InvoicePermission], Field(min_length=1), AfterValidator(_once)]
    subject_details: EuSubject

    def to_grants(self, giving: Giving) -> list[Grant]:
        return self._grants(
            giving,
            GrantKind.EU_ENTITY,
            authorized=self.subject_identifier.identity,
            permissions=[(each.value, False) for each in self.permissions],
            details=self.subject_details.to_json(),
        )


class AuthorizationGrantBody(WireModel):
    """What another company may do in its own context for this one."""

    subject_identifier: EntityIdentifier
    permission: AuthorizationPermission
    description: Description
    subject_details: EntityDetails

    def to_authorization(self, giving: Giving) -> Authorization:
        return Authorization(
            id=new_id(),
            authorizing=giving.context,
            authorized=self.subject_identifier.identity,
            permission=self.permission.value,
            author=giving.author,
            description=self.description,
            full_name=self.subject_details.full_name,
            started=giving.moment,
        )
