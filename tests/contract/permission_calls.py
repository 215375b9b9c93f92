"""Calls of the client's functions for permissions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from airflow_provider_ksef.client import permission_queries, permissions
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_details import (
    EntityByFp,
    EntityDetails,
    EuEntityDetails,
    IdDocument,
    PersonByFpNoId,
    PersonByFpWithId,
    PersonById,
)
from airflow_provider_ksef.client.permission_filters import (
    AUTHORIZATION_QUERY_TYPES,
    EU_ENTITY_PERMISSIONS,
    PERSON_QUERY_TYPES,
    PERSONAL_PERMISSIONS,
    EntityAuthorizationPermissionsQueryRequest,
    EntityPermissionsQueryRequest,
    EuEntityPermissionsQueryRequest,
    PersonalPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
    SubordinateEntityRolesQueryRequest,
    SubunitPermissionsQueryRequest,
)
from airflow_provider_ksef.client.permission_grants import (
    AUTHORIZATION_PERMISSIONS,
    ENTITY_PERMISSIONS,
    PERSON_PERMISSIONS,
    EntityAuthorizationPermissionsGrantRequest,
    EntityPermission,
    EntityPermissionsGrantRequest,
    IndirectPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import (
    EU_REPRESENTATIVE_PERMISSIONS,
    EuEntityAdministrationPermissionsGrantRequest,
    EuEntityPermissionsGrantRequest,
    SubunitPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_identifiers import (
    AuthorIdentifier,
    EntityIdentifier,
    PlaceIdentifier,
    TargetIdentifier,
)
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from tests.unit.client.fake_ksef import NIP

OTHER, UNIT, ABROAD = "1111111111", f"{NIP}-12346", f"{NIP}-DE123456789"
COMPANY, COMPOSITE = ContextIdentifier("Nip", NIP), ContextIdentifier("NipVatUe", ABROAD)
WORKER = SubjectIdentifier("Pesel", "30112206276")
OFFICE = SubjectIdentifier("Nip", OTHER)
HOLDER = SubjectIdentifier("Fingerprint", "0123456789ABCDEF" * 4)
BY_ID = PersonById("Anna", "Abacka")
BY_FP_WITH_ID = PersonByFpWithId("Anna", "Abacka", WORKER)
BY_FP_NO_ID = PersonByFpNoId("Hans", "Muster", date(1980, 2, 29), IdDocument("Passport", "C01X00T47", "DE"))
SEAL = EntityByFp("Muster GmbH", "Musterstraße 1, Berlin")
BETA = EntityDetails("Beta sp. z o.o.")
OPERATION = "20260901-EG-1A2B3CB000-0F1E2D3C52-89"
PERMISSION = "0c9a72e8-f344-457f-9c16-7c640eb60242"
TEXT = "na próbę"

GRANTS: dict[str, tuple[GrantRequest, ContextIdentifier]] = {
    "person": (PersonPermissionsGrantRequest(WORKER, PERSON_PERMISSIONS, TEXT, BY_ID), COMPANY),
    "person by fingerprint": (
        PersonPermissionsGrantRequest(HOLDER, ["InvoiceRead"], TEXT, BY_FP_WITH_ID),
        COMPANY,
    ),
    "person in a part": (
        PersonPermissionsGrantRequest(HOLDER, ["InvoiceRead"], TEXT, BY_FP_NO_ID),
        ContextIdentifier("InternalId", UNIT),
    ),
    "entity": (
        EntityPermissionsGrantRequest(
            OFFICE,
            [EntityPermission(each, can_delegate=True) for each in ENTITY_PERMISSIONS],
            TEXT,
            BETA,
        ),
        COMPANY,
    ),
    **{
        f"authorization: {permission}": (
            EntityAuthorizationPermissionsGrantRequest(
                EntityIdentifier("PeppolId", "PPL000001")
                if permission == "PefInvoicing"
                else EntityIdentifier("Nip", OTHER),
                permission,
                TEXT,
                BETA,
            ),
            COMPANY,
        )
        for permission in AUTHORIZATION_PERMISSIONS
    },
    "indirect": (IndirectPermissionsGrantRequest(WORKER, ENTITY_PERMISSIONS, TEXT, BY_ID), COMPANY),
    **{
        f"indirect: {target.type}": (
            IndirectPermissionsGrantRequest(WORKER, ["InvoiceRead"], TEXT, BY_ID, target),
            COMPANY,
        )
        for target in (
            TargetIdentifier("Nip", OTHER),
            TargetIdentifier("InternalId", "6824515772-12343"),
            TargetIdentifier("AllPartners"),
        )
    },
    "subunit: part": (
        SubunitPermissionsGrantRequest(
            WORKER, PlaceIdentifier("InternalId", UNIT), TEXT, BY_ID, "Oddział w Łodzi"
        ),
        COMPANY,
    ),
    "subunit: company": (
        SubunitPermissionsGrantRequest(OFFICE, PlaceIdentifier("Nip", OTHER), TEXT, BY_ID),
        COMPANY,
    ),
    **{
        f"EU administrator: {type(details).__name__}": (
            EuEntityAdministrationPermissionsGrantRequest(
                HOLDER,
                PlaceIdentifier("NipVatUe", ABROAD),
                TEXT,
                "Muster GmbH, Berlin",
                details,
                EuEntityDetails("Muster GmbH", "Berlin"),
            ),
            COMPANY,
        )
        for details in (BY_FP_WITH_ID, BY_FP_NO_ID, SEAL)
    },
    "EU representative": (
        EuEntityPermissionsGrantRequest(HOLDER, EU_REPRESENTATIVE_PERMISSIONS, TEXT, BY_FP_NO_ID),
        COMPOSITE,
    ),
}
PLACES = (PlaceIdentifier("Nip", OTHER), PlaceIdentifier("InternalId", UNIT))
OPERATIONS: dict[str, Callable[[], Flow[Any] | Call[Any]]] = {
    **{
        f"permissions.grant: {name}": lambda request=request, context=context: permissions.grant(
            request, context
        )
        for name, (request, context) in GRANTS.items()
    },  # type: ignore[misc]
    "permissions.revoke_common": lambda: permissions.revoke_common(PERMISSION),
    "permissions.revoke_authorization": lambda: permissions.revoke_authorization(PERMISSION),
    "permissions.get_operation_status": lambda: permissions.get_operation_status(OPERATION),
    "permission_queries.query_personal_grants": permission_queries.query_personal_grants,
    "permission_queries.query_personal_grants: all filters": lambda: permission_queries.query_personal_grants(
        PersonalPermissionsQueryRequest(
            PLACES[1], TargetIdentifier("AllPartners"), PERSONAL_PERMISSIONS, "Active"
        )
    ),
    "permission_queries.query_persons_grants": lambda: permission_queries.query_persons_grants(
        PersonPermissionsQueryRequest()
    ),
    "permission_queries.query_persons_grants: all filters": lambda: permission_queries.query_persons_grants(
        PersonPermissionsQueryRequest(
            PERSON_QUERY_TYPES[1],
            AuthorIdentifier("System"),
            HOLDER,
            PLACES[0],
            TargetIdentifier("InternalId", UNIT),
            PERSON_PERMISSIONS,
            "Inactive",
        )
    ),
    "permission_queries.query_subunits_grants": permission_queries.query_subunits_grants,
    "permission_queries.query_subunits_grants: all filters": lambda: permission_queries.query_subunits_grants(
        SubunitPermissionsQueryRequest(PLACES[1])
    ),
    "permission_queries.query_entities_grants": permission_queries.query_entities_grants,
    "permission_queries.query_entities_grants: all filters": lambda: permission_queries.query_entities_grants(
        EntityPermissionsQueryRequest(PLACES[0])
    ),
    "permission_queries.query_entities_roles": permission_queries.query_entities_roles,
    "permission_queries.query_subordinate_entities_roles": lambda: (
        permission_queries.query_subordinate_entities_roles(SubordinateEntityRolesQueryRequest(PLACES[0]))
    ),
    **{
        f"permission_queries.query_authorizations_grants: {kind}": lambda kind=kind, more=more: (
            permission_queries.query_authorizations_grants(
                EntityAuthorizationPermissionsQueryRequest(
                    kind, permission_types=AUTHORIZATION_PERMISSIONS, **more
                )
            )
        )
        for kind, more in zip(
            AUTHORIZATION_QUERY_TYPES,
            (
                {"authorized_identifier": EntityIdentifier("PeppolId", "PPL000001")},
                {"authorizing_identifier": EntityIdentifier("Nip", OTHER)},
            ),
            strict=True,
        )
    },  # type: ignore[misc]
    "permission_queries.query_eu_entities_grants": lambda: permission_queries.query_eu_entities_grants(
        EuEntityPermissionsQueryRequest("EL123456789", "ABCDEF", EU_ENTITY_PERMISSIONS)
    ),
}
