"""Giving permissions to people and companies: what each way takes, and in which context KSeF takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_provider_ksef.client.input_checks import (
    check_choice,
    check_choices,
    check_description,
)
from airflow_provider_ksef.client.permission_bodies import body_of
from airflow_provider_ksef.client.permission_contexts import check_giver, own_context
from airflow_provider_ksef.client.permission_details import (
    EntityDetails,
    PersonDetails,
    check_person,
)
from airflow_provider_ksef.client.permission_identifiers import (
    NO_COMPANY,
    EntityIdentifier,
    TargetIdentifier,
    check_type,
)
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

PERSON_PERMISSIONS = (
    "CredentialsManage",
    "CredentialsRead",
    "InvoiceWrite",
    "InvoiceRead",
    "Introspection",
    "SubunitManage",
    "EnforcementOperations",
    "CollectiveIdentifierManage",
)
ENTITY_PERMISSIONS = ("InvoiceWrite", "InvoiceRead", "CollectiveIdentifierManage")
"""What a company may do for another and pass on to its people; the last one came with API 2.8."""
AUTHORIZATION_PERMISSIONS = ("SelfInvoicing", "RRInvoicing", "TaxRepresentative", "PefInvoicing")
_ONLY_OF_NIP = ("SubunitManage", "EnforcementOperations")
_WORKING = ("Nip", "InternalId")


@dataclass(frozen=True)
class PersonPermissionsGrantRequest:
    """
    Let a person work in the context; needs ``CredentialsManage``.

    ``EnforcementOperations`` is for the contexts of bailiffs and enforcement authorities.

    :param subject_identifier: who.
    :param permissions: one or more of :data:`PERSON_PERMISSIONS`.
    :param description: 5 to 256 characters.
    :param subject_details: who that is; with a fingerprint one of those for fingerprints.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/persons/grants"
    subject_identifier: SubjectIdentifier
    permissions: Sequence[str]
    description: str
    subject_details: PersonDetails

    def __post_init__(self) -> None:
        check_choices("permissions", self.permissions, PERSON_PERMISSIONS)
        check_description(self.description)
        check_person(self.subject_identifier, self.subject_details)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(self, permissions=list(self.permissions))

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that these permissions can be given in a context.

        :raises KsefInputError: where they cannot, with the rule.
        """
        check_giver(context, _WORKING, "Permissions to work in KSeF are given by a company or a part of one")
        for permission in self.permissions:
            if permission in _ONLY_OF_NIP and context.type != "Nip":
                raise KsefInputError(
                    "permissions",
                    permission,
                    "cannot be given by a part of a company",
                    "Use a Nip context.",
                )


@dataclass(frozen=True)
class EntityPermission:
    """
    What a company may do with the context's invoices.

    :param type: one of :data:`ENTITY_PERMISSIONS`.
    :param can_delegate: whether it may pass it on to its people.
    :raises KsefInputError: where the type is unknown.
    """

    type: str
    can_delegate: bool = False

    def __post_init__(self) -> None:
        check_choice("type", self.type, ENTITY_PERMISSIONS)

    def to_json(self) -> dict[str, Any]:
        """Give the permission as the request has it."""
        return {"type": self.type, "canDelegate": self.can_delegate}


@dataclass(frozen=True)
class EntityPermissionsGrantRequest:
    """
    Let another company handle the context's invoices; needs ``CredentialsManage``.

    :param subject_identifier: the other company's NIP.
    :param permissions: one or more, each once.
    :param description: 5 to 256 characters.
    :param subject_details: the company's name.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/entities/grants"
    subject_identifier: SubjectIdentifier
    permissions: Sequence[EntityPermission]
    description: str
    subject_details: EntityDetails

    def __post_init__(self) -> None:
        check_type("subject_identifier", self.subject_identifier, ("Nip",), NO_COMPANY)
        check_choices("permissions", [each.type for each in self.permissions], ENTITY_PERMISSIONS)
        check_description(self.description)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(self, permissions=[each.to_json() for each in self.permissions])

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that these permissions can be given in a context.

        :raises KsefInputError: where they cannot, with the rule.
        """
        check_giver(context, _WORKING, "Companies are let in by a company or a part of one")
        if self.subject_identifier.value == context.value:
            raise own_context("subject_identifier", context)


@dataclass(frozen=True)
class EntityAuthorizationPermissionsGrantRequest:
    """
    Let another company issue the context's invoices in its own context; needs ``CredentialsManage``.

    :param subject_identifier: the other company's NIP, or a Peppol provider for ``PefInvoicing``.
    :param permission: one of :data:`AUTHORIZATION_PERMISSIONS`.
    :param description: 5 to 256 characters.
    :param subject_details: the company's name.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/authorizations/grants"
    subject_identifier: EntityIdentifier
    permission: str
    description: str
    subject_details: EntityDetails

    def __post_init__(self) -> None:
        check_choice("permission", self.permission, AUTHORIZATION_PERMISSIONS)
        if (self.permission == "PefInvoicing") != (self.subject_identifier.type == "PeppolId"):
            raise KsefInputError(
                "permission",
                self.permission,
                f"is not for a {self.subject_identifier.type}",
                "PefInvoicing is for Peppol providers (PeppolId), the others are for companies (Nip).",
            )
        check_description(self.description)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(self, permission=self.permission)

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that this can be allowed in a context.

        :raises KsefInputError: where it cannot, with the rule.
        """
        check_giver(context, ("Nip",), "Only a company lets others issue its invoices")
        if self.subject_identifier.value == context.value:
            raise own_context("subject_identifier", context)


@dataclass(frozen=True)
class IndirectPermissionsGrantRequest:
    """
    Let a person handle the invoices of the context's clients; needs ``CredentialsManage``.

    It holds where a client has given the context the same permission to be passed on (``can_delegate``).
    Where it has not, KSeF may take the request all the same and keep the permission ``Inactive``.

    :param subject_identifier: who.
    :param permissions: one or more of :data:`ENTITY_PERMISSIONS`.
    :param description: 5 to 256 characters.
    :param subject_details: who that is; with a fingerprint one of those for fingerprints.
    :param target_identifier: the client; None is all clients, those to come included.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/indirect/grants"
    subject_identifier: SubjectIdentifier
    permissions: Sequence[str]
    description: str
    subject_details: PersonDetails
    target_identifier: TargetIdentifier | None = None

    def __post_init__(self) -> None:
        check_choices("permissions", self.permissions, ENTITY_PERMISSIONS)
        check_description(self.description)
        check_person(self.subject_identifier, self.subject_details)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(
            self,
            permissions=list(self.permissions),
            targetIdentifier=self.target_identifier and self.target_identifier.to_json(),
        )

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that these permissions can be given in a context.

        :raises KsefInputError: where they cannot, with the rule.
        """
        check_giver(context, ("Nip",), "Only a company passes on what its clients allow")
        if self.target_identifier is not None and self.target_identifier.value == context.value:
            raise own_context("target_identifier", context)
