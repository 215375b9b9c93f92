"""Permissions by a client that nobody here wrote."""

from __future__ import annotations

from typing import Any

import pytest
from ksef_client import models

from tests.emulator.granting import (
    OFFICE,
    OTHER,
    identifier,
    to_administrator,
    to_administrator_abroad,
    to_authorized,
    to_entity,
    to_person,
)
from tests.emulator.signing import person
from tests.strangers.stranger import Peer, eventually

pytestmark = pytest.mark.strangers

HELD = {"queryType": "PermissionsInCurrentContext"}


def test_it_gives_finds_and_takes_away_permissions_of_all_kinds(peer: Peer) -> None:
    api, access = peer.client.permissions, peer.access_token

    def finish(begun: Any) -> None:
        def ask() -> int:
            code: int = api.get_operation_status(begun.reference_number, access_token=access).status.code
            return code

        assert eventually(ask, lambda code: code != 100) == 200

    def order(kind: Any, body: dict[str, Any]) -> Any:
        return kind.from_dict(body)

    representative = person("IDCDE-3")
    passed_on = to_person("InvoiceRead", value="92060255449", targetIdentifier=identifier("Nip", OTHER))
    for give, kind, body in (
        (api.grant_person, models.PersonPermissionsGrantRequest, to_person("InvoiceRead", "Introspection")),
        (api.grant_entity, models.EntityPermissionsGrantRequest, to_entity("CollectiveIdentifierManage")),
        (api.grant_indirect, models.IndirectPermissionsGrantRequest, passed_on),
        (api.grant_subunit, models.SubunitPermissionsGrantRequest, to_administrator()),
        (
            api.grant_authorization,
            models.EntityAuthorizationPermissionsGrantRequest,
            to_authorized("TaxRepresentative", value=OFFICE),
        ),
        (
            api.grant_eu_entity_admin,
            models.EuEntityAdministrationPermissionsGrantRequest,
            to_administrator_abroad(representative),
        ),
    ):
        finish(give(order(kind, body), access_token=access))
    wanted = order(models.PersonPermissionsQueryRequest, HELD)
    held = api.query_persons_grants(wanted, page_size=10, access_token=access).permissions
    assert sorted((each.permission_scope.value, each.permission_state.value) for each in held) == [
        ("CollectiveIdentifierManage", "Active"),
        ("Introspection", "Active"),
        ("InvoiceRead", "Active"),
        ("InvoiceRead", "Inactive"),
    ]
    below = api.query_subunits_grants(
        models.SubunitPermissionsQueryRequest(), access_token=access
    ).permissions
    abroad = api.query_eu_entities_grants(
        models.EuEntityPermissionsQueryRequest(), access_token=access
    ).permissions
    assert (len(below), len(abroad)) == (1, 4)
    assert {each.eu_entity_details.full_name for each in abroad} == {"Muster GmbH"}
    for each in (*held, *below, *abroad):
        finish(api.revoke_common_permission(each.id, access_token=access))
    granted = order(models.EntityAuthorizationPermissionsQueryRequest, {"queryType": "Granted"})
    (allowed,) = api.query_authorizations_grants(granted, access_token=access).authorization_grants
    finish(api.revoke_authorization(allowed.id, access_token=access))
    assert api.query_persons_grants(wanted, access_token=access).permissions == []
    assert api.query_authorizations_grants(granted, access_token=access).authorization_grants == []


def test_it_reads_what_it_has_and_is(peer: Peer) -> None:
    api, access = peer.client.permissions, peer.access_token
    assert (
        api.query_personal_grants(models.PersonalPermissionsQueryRequest(), access_token=access).permissions
        == []
    )
    assert api.query_entities_roles(access_token=access).roles == []
    assert (
        api.query_entities_grants(models.EntityPermissionsQueryRequest(), access_token=access).permissions
        == []
    )
    assert (
        api.query_subordinate_entities_roles(
            models.SubordinateEntityRolesQueryRequest(), access_token=access
        ).roles
        == []
    )
