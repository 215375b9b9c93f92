"""Permissions, managed by the client against the emulator, and what they let others do there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from airflow_provider_ksef.client import (
    AsyncKsefClient,
    KsefClient,
    Settings,
    limits,
    permission_queries,
    permissions,
)
from airflow_provider_ksef.client.certificates import read_certificate
from airflow_provider_ksef.client.permission_contexts import GrantRequest
from airflow_provider_ksef.client.permission_details import EuEntityDetails
from airflow_provider_ksef.client.permission_filters import (
    EntityAuthorizationPermissionsQueryRequest,
    EntityPermissionsQueryRequest,
    EuEntityPermissionsQueryRequest,
    PersonalPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
    SubordinateEntityRolesQueryRequest,
    SubunitPermissionsQueryRequest,
)
from airflow_provider_ksef.client.permission_grants import (
    EntityAuthorizationPermissionsGrantRequest,
    EntityPermission,
    EntityPermissionsGrantRequest,
    IndirectPermissionsGrantRequest,
    PersonPermissionsGrantRequest,
)
from airflow_provider_ksef.client.permission_grants_below import (
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
from airflow_provider_ksef.client.permission_results import PartyIdentifier
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.client.subjects import SubjectIdentifier
from airflow_provider_ksef.exceptions import KsefApiError, KsefLoginError, KsefStatusError
from tests.contract.permission_calls import ABROAD, BETA, BY_FP_NO_ID, BY_ID, OFFICE, SEAL, TEXT, UNIT, WORKER
from tests.emulator.entering import make
from tests.emulator.peer import Peer
from tests.emulator.signing import Signer, person
from tests.emulator_process import NIP, EmulatorProcess
from tests.system.certificate_ways import client_of

EMPLOYEE = person(f"PNOPL-{WORKER.value}")
MEMBER = "7980332920"
HELD = PersonPermissionsQueryRequest()
READING = PersonPermissionsGrantRequest(WORKER, ["InvoiceRead"], TEXT, BY_ID)


@pytest.fixture
def owner(emulator: EmulatorProcess) -> Iterator[KsefClient]:
    """The company itself, logged in by its seal."""
    with client_of(emulator) as ksef:
        yield ksef


def do(ksef: KsefClient, request: GrantRequest) -> None:
    ksef.run(permissions.wait_for_operation(ksef.run(permissions.grant(request, ksef.settings.context))))


def undo(ksef: KsefClient, permission_id: str) -> None:
    ksef.run(permissions.wait_for_operation(ksef.run(permissions.revoke_common(permission_id))))


def settings_of(ksef: KsefClient, context: ContextIdentifier, signer: Signer) -> Settings:
    """For somebody in a context: known by fingerprint in a composite one, else by number."""
    kind = "certificateFingerprint" if context.type == "NipVatUe" else "certificateSubject"
    credential = read_certificate(signer.pem.decode(), signer.key_pem.decode(), subject_identifier_type=kind)
    return replace(ksef.settings, context=context, credential=credential)


@contextmanager
def entered(ksef: KsefClient, signer: Signer, kind: str = "Nip", value: str = NIP) -> Iterator[KsefClient]:
    with KsefClient(settings_of(ksef, ContextIdentifier(kind, value), signer)) as visitor:
        visitor.log_in()
        yield visitor


def assert_shut_out(ksef: KsefClient, signer: Signer, kind: str = "Nip", value: str = NIP) -> None:
    with pytest.raises(KsefLoginError) as refused, entered(ksef, signer, kind, value):
        pass
    assert refused.value.code == 415


def test_a_person_is_let_in_and_out_again(owner: KsefClient) -> None:
    assert_shut_out(owner, EMPLOYEE)
    do(owner, READING)
    (told,) = owner.run(permission_queries.query_persons_grants(HELD))
    assert (told.permission_scope, told.permission_state, told.description) == ("InvoiceRead", "Active", TEXT)
    assert told.authorized_identifier == PartyIdentifier("Pesel", WORKER.value)
    assert told.author_identifier == PartyIdentifier("Nip", NIP)
    assert told.subject_person_details is not None
    assert told.subject_person_details.last_name == "Abacka"
    with entered(owner, EMPLOYEE) as employee:
        (own,) = employee.run(permission_queries.query_personal_grants()).permissions
        assert (own.id, own.authorized_identifier) == (told.id, None)
        with pytest.raises(KsefApiError, match="CredentialsManage") as refused:
            employee.run(permissions.grant(READING, employee.settings.context))
        assert refused.value.fault.reason_code == "missing-permissions"
    undo(owner, told.id)
    assert owner.run(permission_queries.query_persons_grants(HELD)) == []
    assert_shut_out(owner, EMPLOYEE)
    with pytest.raises(KsefStatusError, match="do not fit each other"):
        undo(owner, told.id)


def test_an_operation_that_ksef_refuses_is_told_with_both_texts(owner: KsefClient) -> None:
    enforcement = replace(READING, permissions=["EnforcementOperations"])
    with pytest.raises(KsefStatusError, match=r"430: Kontekst identyfikatora.*bailiffs"):
        do(owner, enforcement)
    owner_told = owner.run(permission_queries.query_personal_grants())
    assert owner_told.permissions == ()
    assert "CredentialsManage" in owner_told.owner_permissions


def test_an_office_serves_its_clients(owner: KsefClient, emulator: EmulatorProcess) -> None:
    do(
        owner,
        EntityPermissionsGrantRequest(
            OFFICE, [EntityPermission("InvoiceRead", can_delegate=True)], TEXT, BETA
        ),
    )
    with client_of(emulator, nip=OFFICE.value) as office:
        (received,) = office.run(
            permission_queries.query_entities_grants(
                EntityPermissionsQueryRequest(PlaceIdentifier("Nip", NIP))
            )
        )
        assert (received.can_delegate, received.context_identifier.value) == (True, NIP)
        do(
            office,
            IndirectPermissionsGrantRequest(
                WORKER, ["InvoiceRead"], TEXT, BY_ID, TargetIdentifier("Nip", NIP)
            ),
        )
        with entered(owner, EMPLOYEE) as employee:
            (own,) = employee.run(
                permission_queries.query_personal_grants(
                    PersonalPermissionsQueryRequest(
                        PlaceIdentifier("Nip", OFFICE.value), TargetIdentifier("Nip", NIP)
                    )
                )
            ).permissions
            assert own.target_identifier == PartyIdentifier("Nip", NIP)
        (entity,) = owner.run(permission_queries.query_persons_grants(HELD))
        assert entity.subject_entity_details is not None
        assert entity.subject_entity_details.full_name == BETA.full_name
        undo(owner, entity.id)
        assert_shut_out(owner, EMPLOYEE)
        (left,) = office.run(
            permission_queries.query_persons_grants(replace(HELD, permission_state="Inactive"))
        )
        undo(office, left.id)


def test_a_group_has_administrators_below(owner: KsefClient, emulator: EmulatorProcess) -> None:
    group = {"subjectNip": NIP, "subjectType": "VatGroup", "description": "Grupa VAT"}
    make(Peer(emulator), "subject", **group, subunits=[{"subjectNip": MEMBER, "description": "członek"}])
    (role,) = owner.run(permission_queries.query_entities_roles())
    assert (role.role, role.parent_entity_identifier) == ("VatGroupUnit", None)
    wanted = SubordinateEntityRolesQueryRequest(PlaceIdentifier("Nip", MEMBER))
    (below,) = owner.run(permission_queries.query_subordinate_entities_roles(wanted))
    assert below.subordinate_entity_identifier == PartyIdentifier("Nip", MEMBER)
    for place, name in (
        (PlaceIdentifier("Nip", MEMBER), None),
        (PlaceIdentifier("InternalId", UNIT), "Oddział"),
    ):
        do(owner, SubunitPermissionsGrantRequest(WORKER, place, TEXT, BY_ID, name))
        (told,) = owner.run(permission_queries.query_subunits_grants(SubunitPermissionsQueryRequest(place)))
        assert (told.subunit_name, told.subunit_identifier.value) == (name, place.value)
        with entered(owner, EMPLOYEE, place.type, place.value) as administrator:
            do(administrator, READING)
            (own, _) = administrator.run(permission_queries.query_personal_grants()).permissions
            assert own.permission_scope == "InvoiceRead"
        assert_shut_out(owner, EMPLOYEE)


def test_a_company_abroad_acts_in_a_composite_context(owner: KsefClient) -> None:
    administrator, representative = person("IDCDE-1"), person("IDCDE-2")
    do(
        owner,
        EuEntityAdministrationPermissionsGrantRequest(
            SubjectIdentifier("Fingerprint", administrator.fingerprint),
            PlaceIdentifier("NipVatUe", ABROAD),
            TEXT,
            "Muster GmbH, Berlin",
            SEAL,
            EuEntityDetails("Muster GmbH", "Berlin"),
        ),
    )
    with entered(owner, administrator, "NipVatUe", ABROAD) as abroad:
        holder = SubjectIdentifier("Fingerprint", representative.fingerprint)
        do(abroad, EuEntityPermissionsGrantRequest(holder, ["InvoiceRead"], TEXT, BY_FP_NO_ID))
        request = EuEntityPermissionsQueryRequest(authorized_fingerprint_identifier=holder.value)
        (told,) = abroad.run(permission_queries.query_eu_entities_grants(request))
        assert (told.vat_ue_identifier, told.eu_entity_name) == ("DE123456789", "Muster GmbH, Berlin")
        assert told.subject_person_details is not None
        assert told.subject_person_details.id_document == BY_FP_NO_ID.id_document
        with entered(owner, representative, "NipVatUe", ABROAD) as reader:
            assert reader.run(limits.context_limits())
        undo(abroad, told.id)
    assert_shut_out(owner, representative, "NipVatUe", ABROAD)
    (manages,) = owner.run(
        permission_queries.query_eu_entities_grants(
            EuEntityPermissionsQueryRequest("DE123456789", None, ["VatUeManage"])
        )
    )
    assert manages.subject_entity_details is not None
    assert manages.subject_entity_details.address == SEAL.address


def test_an_authorization_is_given_found_on_both_sides_and_revoked(
    owner: KsefClient, emulator: EmulatorProcess
) -> None:
    buyer = EntityIdentifier("Nip", OFFICE.value)
    do(owner, EntityAuthorizationPermissionsGrantRequest(buyer, "SelfInvoicing", TEXT, BETA))
    granted = owner.run(
        permission_queries.query_authorizations_grants(
            EntityAuthorizationPermissionsQueryRequest("Granted", None, buyer, ["SelfInvoicing"])
        )
    )
    with client_of(emulator, nip=OFFICE.value) as office:
        received = office.run(
            permission_queries.query_authorizations_grants(
                EntityAuthorizationPermissionsQueryRequest("Received")
            )
        )
    assert granted == received
    assert granted[0].authorization_scope == "SelfInvoicing"
    operation = owner.run(permissions.revoke_authorization(granted[0].id))
    owner.run(permissions.wait_for_operation(operation))
    assert (
        owner.run(
            permission_queries.query_authorizations_grants(
                EntityAuthorizationPermissionsQueryRequest("Granted")
            )
        )
        == []
    )


def test_both_clients_carry_out_the_same(owner: KsefClient) -> None:
    async def main() -> list[str]:
        async with AsyncKsefClient(owner.settings) as ksef:
            operation = await ksef.run(permissions.grant(READING, ksef.settings.context))
            await ksef.run(permissions.wait_for_operation(operation))
            status = await ksef.run(permissions.get_operation_status(operation))
            assert (status.code, status.is_final) == (200, True)
            own = replace(
                HELD,
                query_type="PermissionsGrantedInCurrentContext",
                author_identifier=AuthorIdentifier("Nip", NIP),
            )
            return [
                each.permission_scope for each in await ksef.run(permission_queries.query_persons_grants(own))
            ]

    assert asyncio.run(main()) == ["InvoiceRead"]
