"""Searching for permissions, authorizations and roles (KSeF docs: uprawnienia), each to its last page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Answer, Call, Flow
from airflow_provider_ksef.client.paging import OffsetPage, read_by_offset
from airflow_provider_ksef.client.permission_filters import (
    EntityAuthorizationPermissionsQueryRequest,
    EntityPermissionsQueryRequest,
    EuEntityPermissionsQueryRequest,
    PersonalPermissionsQueryRequest,
    PersonPermissionsQueryRequest,
    SubordinateEntityRolesQueryRequest,
    SubunitPermissionsQueryRequest,
)
from airflow_provider_ksef.client.permission_reading import (
    authorizations_parser,
    permissions_parser,
    read_as,
    roles_parser,
)
from airflow_provider_ksef.client.permission_results import (
    EntityAuthorizationGrant,
    EntityPermissionItem,
    EntityRole,
    EuEntityPermission,
    PersonalPermission,
    PersonalPermissions,
    PersonPermission,
    SubordinateEntityRole,
    SubunitPermission,
)

T = TypeVar("T")
_PAGE_SIZE = 100


class _Personal(msgspec.Struct, rename="camel"):
    permissions: list[dict[str, Any]]
    has_more: bool
    owner_permissions: list[str] = []


def query_personal_grants(
    request: PersonalPermissionsQueryRequest | None = None,
) -> Flow[PersonalPermissions]:
    """
    Find what the login itself may do in its context (``POST /permissions/query/personal/grants``).

    :param request: which permissions; None is all.
    """
    body = (request or PersonalPermissionsQueryRequest()).to_json()
    found: list[PersonalPermission] = []
    page, index = PersonalPermissions((), ()), 0
    has_more = True
    while has_more:
        page, has_more = yield from _post("personal/grants", body, _parse_personal, index)
        found += page.permissions
        index += 1
    return PersonalPermissions(tuple(found), page.owner_permissions)


def query_persons_grants(request: PersonPermissionsQueryRequest) -> Flow[list[PersonPermission]]:
    """
    Find the permissions of people and companies (``POST /permissions/query/persons/grants``).

    It needs ``CredentialsManage``, ``CredentialsRead`` or ``SubunitManage``.

    :param request: which permissions.
    """
    return _all("persons/grants", request.to_json(), permissions_parser(PersonPermission))


def query_subunits_grants(
    request: SubunitPermissionsQueryRequest | None = None,
) -> Flow[list[SubunitPermission]]:
    """
    Find the administrators below the context (``POST /permissions/query/subunits/grants``).

    It needs ``CredentialsManage``, ``CredentialsRead`` or ``SubunitManage``.

    :param request: of which part or company; None is all.
    """
    body = (request or SubunitPermissionsQueryRequest()).to_json()
    return _all("subunits/grants", body, permissions_parser(SubunitPermission))


def query_entities_grants(
    request: EntityPermissionsQueryRequest | None = None,
) -> Flow[list[EntityPermissionItem]]:
    """
    Find what other companies let the context do (``POST /permissions/query/entities/grants``).

    It needs ``CredentialsManage`` or ``CredentialsRead``.

    :param request: which company; None is all.
    """
    body = (request or EntityPermissionsQueryRequest()).to_json()
    return _all("entities/grants", body, permissions_parser(EntityPermissionItem))


def query_entities_roles() -> Flow[list[EntityRole]]:
    """
    Find what the context is to the tax office (``GET /permissions/query/entities/roles``).

    It needs ``CredentialsManage`` or ``CredentialsRead``.
    """
    parse = roles_parser(EntityRole)

    def page(index: int) -> Call[OffsetPage[EntityRole]]:
        return Call("GET", "/permissions/query/entities/roles", parse, params=_params(index), is_safe=True)

    return read_by_offset(page)


def query_subordinate_entities_roles(
    request: SubordinateEntityRolesQueryRequest | None = None,
) -> Flow[list[SubordinateEntityRole]]:
    """
    Find the companies below the context (``POST /permissions/query/subordinate-entities/roles``).

    It needs ``CredentialsManage``, ``CredentialsRead`` or ``SubunitManage``.

    :param request: which company; None is all.
    """
    body = (request or SubordinateEntityRolesQueryRequest()).to_json()
    return _all("subordinate-entities/roles", body, roles_parser(SubordinateEntityRole))


def query_authorizations_grants(
    request: EntityAuthorizationPermissionsQueryRequest,
) -> Flow[list[EntityAuthorizationGrant]]:
    """
    Find what companies let each other do (``POST /permissions/query/authorizations/grants``).

    It needs ``CredentialsManage``, ``CredentialsRead`` or ``PefInvoiceWrite``.

    :param request: given or received, and which.
    """
    return _all("authorizations/grants", request.to_json(), authorizations_parser(EntityAuthorizationGrant))


def query_eu_entities_grants(
    request: EuEntityPermissionsQueryRequest | None = None,
) -> Flow[list[EuEntityPermission]]:
    """
    Find who acts for companies of other EU countries (``POST /permissions/query/eu-entities/grants``).

    In the context of a NIP these are the administrators, in a composite context all who act there. It needs
    ``CredentialsManage``, ``CredentialsRead`` or ``VatUeManage``.

    :param request: which permissions; None is all.
    """
    body = (request or EuEntityPermissionsQueryRequest()).to_json()
    return _all("eu-entities/grants", body, permissions_parser(EuEntityPermission))


def _all(path: str, body: dict[str, Any], parse: Callable[[Answer], OffsetPage[T]]) -> Flow[list[T]]:
    return read_by_offset(lambda index: _post(path, body, parse, index))


def _post(path: str, body: dict[str, Any], parse: Callable[[Answer], T], index: int) -> Call[T]:
    whole = f"/permissions/query/{path}"
    return Call("POST", whole, parse, body=body, params=_params(index), is_safe=True)


def _params(index: int) -> dict[str, str | int]:
    return {"pageOffset": index, "pageSize": _PAGE_SIZE}


def _personal(page: _Personal) -> tuple[PersonalPermissions, bool]:
    items = tuple(read_as(PersonalPermission, item) for item in page.permissions)
    return PersonalPermissions(items, tuple(page.owner_permissions)), page.has_more


_parse_personal = json_parser(_Personal, _personal)
