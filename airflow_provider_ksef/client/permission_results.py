"""What KSeF tells of permissions, authorizations and roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from airflow_provider_ksef.client.permission_details import IdDocument
from airflow_provider_ksef.client.subjects import Identifier


@dataclass(frozen=True)
class PartyIdentifier:
    """
    An identifier as KSeF tells it, which may be of a type without value.

    :param type: such as ``Nip``, ``AllPartners`` or ``System``.
    :param value: the identifier; None where the type has none.
    """

    type: str
    value: str | None = None


@dataclass(frozen=True)
class SubjectPersonDetails:
    """
    A person who has a permission.

    :param subject_details_type: ``PersonByIdentifier`` or one of those by fingerprint.
    :param first_name: of the person.
    :param last_name: of the person.
    :param person_identifier: NIP or PESEL of who logs in by a certificate without it.
    :param birth_date: of who has neither.
    :param id_document: of who has neither.
    """

    subject_details_type: str
    first_name: str
    last_name: str
    person_identifier: Identifier | None = None
    birth_date: date | None = None
    id_document: IdDocument | None = None


@dataclass(frozen=True)
class SubjectEntityDetails:
    """
    A company that has a permission.

    :param subject_details_type: ``EntityByIdentifier`` or ``EntityByFingerprint``.
    :param full_name: of the company.
    :param address: of a company that is known by its seal.
    """

    subject_details_type: str
    full_name: str
    address: str | None = None


@dataclass(frozen=True)
class PermissionsEuEntityDetails:
    """
    A company of another EU country.

    :param full_name: of the company.
    :param address: of the company.
    """

    full_name: str
    address: str


@dataclass(frozen=True)
class PersonalPermission:
    """
    A permission of one's own.

    :param id: of the permission.
    :param permission_scope: such as ``InvoiceRead``.
    :param description: as who gave it wrote.
    :param permission_state: ``Active``, or ``Inactive`` where a client took back what was passed on.
    :param start_date: from when it holds, UTC.
    :param can_delegate: whether it may be passed on.
    :param context_identifier: the context in which it was given.
    :param authorized_identifier: who has it, where that is another identifier than one's login.
    :param target_identifier: the client, where it was passed on.
    :param subject_person_details: the person who has it.
    :param subject_entity_details: the company that has it.
    """

    id: str
    permission_scope: str
    description: str
    permission_state: str
    start_date: datetime
    can_delegate: bool
    context_identifier: PartyIdentifier | None = None
    authorized_identifier: PartyIdentifier | None = None
    target_identifier: PartyIdentifier | None = None
    subject_person_details: SubjectPersonDetails | None = None
    subject_entity_details: SubjectEntityDetails | None = None


@dataclass(frozen=True)
class PersonalPermissions:
    """
    What one may do in a context.

    :param permissions: what was given.
    :param owner_permissions: what one has as the context's owner; empty before API 2.9 and for all others.
    """

    permissions: tuple[PersonalPermission, ...]
    owner_permissions: tuple[str, ...]


@dataclass(frozen=True)
class PersonPermission:
    """
    A permission of a person or a company.

    :param id: of the permission, by which it is revoked.
    :param authorized_identifier: who has it.
    :param author_identifier: who gave it; ``System`` is KSeF itself.
    :param permission_scope: such as ``InvoiceRead``.
    :param description: as who gave it wrote.
    :param permission_state: ``Active``, or ``Inactive`` where a client took back what was passed on.
    :param start_date: from when it holds, UTC.
    :param can_delegate: whether it may be passed on.
    :param context_identifier: the context in which it holds, where KSeF says.
    :param target_identifier: the client, where it was passed on.
    :param subject_person_details: the person who has it.
    :param subject_entity_details: the company that has it.
    """

    id: str
    authorized_identifier: PartyIdentifier
    author_identifier: PartyIdentifier
    permission_scope: str
    description: str
    permission_state: str
    start_date: datetime
    can_delegate: bool
    context_identifier: PartyIdentifier | None = None
    target_identifier: PartyIdentifier | None = None
    subject_person_details: SubjectPersonDetails | None = None
    subject_entity_details: SubjectEntityDetails | None = None


@dataclass(frozen=True)
class SubunitPermission:
    """
    An administrator below the context.

    :param id: of the permission, by which it is revoked.
    :param authorized_identifier: who has it.
    :param subunit_identifier: the part, or the company below.
    :param author_identifier: who gave it.
    :param permission_scope: ``CredentialsManage``.
    :param description: as who gave it wrote.
    :param start_date: from when it holds, UTC.
    :param subunit_name: of the part.
    :param subject_person_details: the person who has it.
    """

    id: str
    authorized_identifier: PartyIdentifier
    subunit_identifier: PartyIdentifier
    author_identifier: PartyIdentifier
    permission_scope: str
    description: str
    start_date: datetime
    subunit_name: str | None = None
    subject_person_details: SubjectPersonDetails | None = None


@dataclass(frozen=True)
class EntityPermissionItem:
    """
    What another company lets the context do with its invoices.

    :param id: of the permission.
    :param context_identifier: the other company, or a part of it.
    :param permission_scope: such as ``InvoiceRead``.
    :param description: as who gave it wrote.
    :param start_date: from when it holds, UTC.
    :param can_delegate: whether it may be passed on.
    """

    id: str
    context_identifier: PartyIdentifier
    permission_scope: str
    description: str
    start_date: datetime
    can_delegate: bool


@dataclass(frozen=True)
class EntityRole:
    """
    What the context is to the tax office.

    :param role: such as ``VatGroupUnit`` or ``CourtBailiff``.
    :param description: KSeF's.
    :param start_date: since when, UTC.
    :param parent_entity_identifier: the company that it is below, where it is below one.
    """

    role: str
    description: str
    start_date: datetime
    parent_entity_identifier: PartyIdentifier | None = None


@dataclass(frozen=True)
class SubordinateEntityRole:
    """
    A company below the context.

    :param subordinate_entity_identifier: the company.
    :param role: ``VatGroupSubUnit`` or ``LocalGovernmentSubUnit``.
    :param description: KSeF's.
    :param start_date: since when, UTC.
    """

    subordinate_entity_identifier: PartyIdentifier
    role: str
    description: str
    start_date: datetime


@dataclass(frozen=True)
class EntityAuthorizationGrant:
    """
    What one company lets another do in its own context.

    :param id: of the authorization, by which it is revoked.
    :param authorized_entity_identifier: who may.
    :param authorizing_entity_identifier: for whom.
    :param authorization_scope: such as ``SelfInvoicing``.
    :param description: as who gave it wrote.
    :param start_date: from when it holds, UTC.
    :param author_identifier: who gave it.
    :param subject_entity_details: the company that may.
    """

    id: str
    authorized_entity_identifier: PartyIdentifier
    authorizing_entity_identifier: PartyIdentifier
    authorization_scope: str
    description: str
    start_date: datetime
    author_identifier: PartyIdentifier | None = None
    subject_entity_details: SubjectEntityDetails | None = None


@dataclass(frozen=True)
class EuEntityPermission:
    """
    A permission in a composite context.

    :param id: of the permission, by which it is revoked.
    :param author_identifier: who gave it.
    :param vat_ue_identifier: VAT number of the company of another EU country.
    :param eu_entity_name: its name and address.
    :param authorized_fingerprint_identifier: of the certificate of who has it.
    :param permission_scope: such as ``VatUeManage``.
    :param description: as who gave it wrote.
    :param start_date: from when it holds, UTC.
    :param subject_person_details: the person who has it.
    :param subject_entity_details: the company that has it.
    :param eu_entity_details: the company of another EU country.
    """

    id: str
    author_identifier: PartyIdentifier
    vat_ue_identifier: str
    eu_entity_name: str
    authorized_fingerprint_identifier: str
    permission_scope: str
    description: str
    start_date: datetime
    subject_person_details: SubjectPersonDetails | None = None
    subject_entity_details: SubjectEntityDetails | None = None
    eu_entity_details: PermissionsEuEntityDetails | None = None
