"""Giving permissions below a company: in its parts, its group, and with companies of other EU countries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow_provider_ksef.client.input_checks import check_choices, check_description, check_length
from airflow_provider_ksef.client.permission_bodies import body_of
from airflow_provider_ksef.client.permission_contexts import check_below, check_giver, own_context
from airflow_provider_ksef.client.permission_details import (
    EuEntityDetails,
    EuSubjectDetails,
    PersonDetails,
    check_person,
)
from airflow_provider_ksef.client.permission_identifiers import PlaceIdentifier, check_type
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefInputError

EU_REPRESENTATIVE_PERMISSIONS = ("InvoiceWrite", "InvoiceRead")
NAME_LENGTH = (5, 256)
"""Least and most characters of the names of parts and of companies abroad."""


@dataclass(frozen=True)
class SubunitPermissionsGrantRequest:
    """
    Appoint an administrator (``CredentialsManage``) below the context; needs ``SubunitManage``.

    An internal identifier that does not exist yet is made by this.

    :param subject_identifier: who.
    :param context_identifier: a part of the company (``InternalId``), or a member of its VAT group or a unit
        of its local government (``Nip``).
    :param description: 5 to 256 characters.
    :param subject_details: who that is; with a fingerprint one of those for fingerprints.
    :param subunit_name: 5 to 256 characters; a part of the company must have one.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/subunits/grants"
    subject_identifier: SubjectIdentifier
    context_identifier: PlaceIdentifier
    description: str
    subject_details: PersonDetails
    subunit_name: str | None = None

    def __post_init__(self) -> None:
        rule = "is not how something below a company is identified"
        check_type("context_identifier", self.context_identifier, ("InternalId", "Nip"), rule)
        check_description(self.description)
        check_person(self.subject_identifier, self.subject_details)
        if self.subunit_name is not None:
            check_length("subunit_name", self.subunit_name, *NAME_LENGTH)
        elif self.context_identifier.type == "InternalId":
            raise KsefInputError(
                "subunit_name",
                None,
                "is missing for an InternalId",
                "A part of a company needs a name: give it.",
            )

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(
            self, contextIdentifier=self.context_identifier.to_json(), subunitName=self.subunit_name
        )

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that an administrator can be appointed in a context.

        :raises KsefInputError: where none can, with the rule.
        """
        check_giver(context, ("Nip",), "Only a company has something below it")
        if self.context_identifier.type == "InternalId":
            check_below(self.context_identifier, context)
        elif self.context_identifier.value == context.value:
            raise own_context("context_identifier", context)


@dataclass(frozen=True)
class EuEntityAdministrationPermissionsGrantRequest:
    """
    Let a company of another EU country invoice itself for the context; needs ``CredentialsManage``.

    It makes the composite context, and gives ``VatUeManage``, ``InvoiceWrite``, ``InvoiceRead`` and
    ``Introspection`` there.

    :param subject_identifier: the fingerprint of the administrator's certificate.
    :param context_identifier: the context's NIP and the other company's VAT number (``NipVatUe``).
    :param description: 5 to 256 characters.
    :param eu_entity_name: the other company's name and address, 5 to 256 characters.
    :param subject_details: who the administrator is.
    :param eu_entity_details: the other company.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/eu-entities/administration/grants"
    subject_identifier: SubjectIdentifier
    context_identifier: PlaceIdentifier
    description: str
    eu_entity_name: str
    subject_details: EuSubjectDetails
    eu_entity_details: EuEntityDetails

    def __post_init__(self) -> None:
        _check_fingerprint(self.subject_identifier)
        rule = "is not how a company of another EU country is identified"
        check_type("context_identifier", self.context_identifier, ("NipVatUe",), rule)
        check_description(self.description)
        check_length("eu_entity_name", self.eu_entity_name, *NAME_LENGTH)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(
            self,
            contextIdentifier=self.context_identifier.to_json(),
            euEntityName=self.eu_entity_name,
            euEntityDetails=self.eu_entity_details.to_json(),
        )

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that this can be allowed in a context.

        :raises KsefInputError: where it cannot, with the rule.
        """
        check_giver(context, ("Nip",), "Only a company lets one of another EU country invoice itself")
        check_below(self.context_identifier, context)


@dataclass(frozen=True)
class EuEntityPermissionsGrantRequest:
    """
    Let somebody act for the company of another EU country, in the composite context; needs ``VatUeManage``.

    :param subject_identifier: the fingerprint of the certificate.
    :param permissions: ``InvoiceRead``, ``InvoiceWrite`` or both.
    :param description: 5 to 256 characters.
    :param subject_details: who that is.
    :raises KsefInputError: where one of them is wrong.
    """

    path: ClassVar[str] = "/permissions/eu-entities/grants"
    subject_identifier: SubjectIdentifier
    permissions: Sequence[str]
    description: str
    subject_details: EuSubjectDetails

    def __post_init__(self) -> None:
        _check_fingerprint(self.subject_identifier)
        check_choices("permissions", self.permissions, EU_REPRESENTATIVE_PERMISSIONS)
        check_description(self.description)

    def to_json(self) -> dict[str, Any]:
        """Give the request's body."""
        return body_of(self, permissions=list(self.permissions))

    def check_context(self, context: ContextIdentifier) -> None:
        """
        Make sure that these permissions can be given in a context.

        :raises KsefInputError: where they cannot, with the rule.
        """
        check_giver(context, ("NipVatUe",), "Representatives act in the composite context")


def _check_fingerprint(subject: SubjectIdentifier) -> None:
    rule = "is not how who acts for a company of another EU country is identified"
    check_type("subject_identifier", subject, ("Fingerprint",), rule)
