"""Searching for permissions, authorizations and roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fastapi import APIRouter

from airflow_provider_ksef.emulator.access import (
    AnyCaller,
    AuthorizationReader,
    CredentialsReader,
    EuEntityReader,
    GrantReader,
    Here,
)
from airflow_provider_ksef.emulator.entitlements import owner_permissions
from airflow_provider_ksef.emulator.grant_filters import (
    AuthorizationFilter,
    AuthorizationQueryType,
    EntityFilter,
    EuEntityFilter,
    PersonalFilter,
    PersonFilter,
    PersonQueryType,
    SubordinateFilter,
    SubunitFilter,
)
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.paging import PageOffset, PageSize, cut_page
from airflow_provider_ksef.emulator.permission_items import (
    authorization_grant,
    entity_permission,
    entity_role,
    eu_entity_permission,
    person_permission,
    personal_permission,
    subordinate_role,
    subunit_permission,
)
from airflow_provider_ksef.emulator.permission_views import (
    granted_by_caller,
    held_in_context,
    in_composite_contexts,
    personal,
    state_of,
)
from airflow_provider_ksef.emulator.store.grants import GrantKind
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/permissions/query", tags=["Wyszukiwanie nadanych uprawnień"])

T = TypeVar("T")
_MOST = 100


@router.post("/personal/grants", summary="Pobranie listy własnych uprawnień")
def query_personal(
    caller: AnyCaller,
    emulator: Here,
    body: PersonalFilter | None = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """What the one who asks may do in the context."""
    wanted, subject = body or PersonalFilter(), Identity.parse(caller.subject)
    stated = [(grant, state_of(emulator, grant)) for grant in personal(emulator, caller)]
    found = [each for each in stated if wanted.admits(*each)]
    owned = owner_permissions(caller.permissions) or None
    return _page(
        "permissions",
        found,
        page_offset,
        page_size,
        lambda each: personal_permission(*each, subject),
        ownerPermissions=owned,
    )


@router.post(
    "/persons/grants",
    summary="Pobranie listy uprawnień do pracy w KSeF nadanych osobom fizycznym lub podmiotom",
)
def query_persons(
    body: PersonFilter,
    caller: GrantReader,
    emulator: Here,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """Who may work in the context, or what the one who asks has given there."""
    grants = (
        held_in_context(emulator, caller.context_identity)
        if body.query_type is PersonQueryType.HELD
        else granted_by_caller(emulator, caller)
    )
    stated = [(grant, state_of(emulator, grant)) for grant in grants]
    found = [each for each in stated if body.admits(*each)]
    return _page("permissions", found, page_offset, page_size, lambda each: person_permission(*each))


@router.post(
    "/subunits/grants",
    summary="Pobranie listy uprawnień administratorów jednostek i podmiotów podrzędnych",
)
def query_subunits(
    caller: GrantReader,
    emulator: Here,
    body: SubunitFilter | None = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """The administrators whom the context appointed below it."""
    wanted = body or SubunitFilter()
    given = emulator.grants.select(kinds=[GrantKind.SUBUNIT], granted_in=caller.context_identity)
    found = [grant for grant in given if wanted.admits(grant)]
    return _page("permissions", found, page_offset, page_size, subunit_permission)


@router.post("/entities/grants", summary="Pobranie listy uprawnień do obsługi faktur w bieżącym kontekście")
def query_entities(
    caller: CredentialsReader,
    emulator: Here,
    body: EntityFilter | None = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """What other companies let this one do with their invoices."""
    wanted = body or EntityFilter()
    received = emulator.grants.select(kinds=[GrantKind.ENTITY], authorized=[caller.context_identity])
    found = [grant for grant in received if wanted.admits(grant)]
    return _page("permissions", found, page_offset, page_size, entity_permission)


@router.get("/entities/roles", summary="Pobranie listy ról podmiotu")
def query_roles(
    caller: CredentialsReader, emulator: Here, page_offset: PageOffset = 0, page_size: PageSize = 10
) -> WireResponse:
    """What the context is: a bailiff, a VAT group, a member of one."""
    found = emulator.taxpayers.roles(caller.context_value) if caller.context_type == "Nip" else []
    return _page("roles", found, page_offset, page_size, entity_role)


@router.post("/subordinate-entities/roles", summary="Pobranie listy podmiotów podrzędnych")
def query_subordinates(
    caller: GrantReader,
    emulator: Here,
    body: SubordinateFilter | None = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """The companies below the context."""
    wanted = body.subordinate_entity_identifier if body else None
    below = emulator.taxpayers.subordinates(caller.context_value) if caller.context_type == "Nip" else []
    found = [role for role in below if wanted is None or role.nip == wanted.value]
    return _page("roles", found, page_offset, page_size, subordinate_role)


@router.post("/authorizations/grants", summary="Pobranie listy uprawnień podmiotowych do obsługi faktur")
def query_authorizations(
    body: AuthorizationFilter,
    caller: AuthorizationReader,
    emulator: Here,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """What the context allows other companies, or what they allow it."""
    is_granted = body.query_type is AuthorizationQueryType.GRANTED
    look_up = emulator.authorizations.given_by if is_granted else emulator.authorizations.given_to
    found = [each for each in look_up(caller.context_identity) if body.admits(each)]
    return _page("authorizationGrants", found, page_offset, page_size, authorization_grant)


@router.post(
    "/eu-entities/grants",
    summary="Pobranie listy uprawnień administratorów lub reprezentantów podmiotów unijnych "
    "uprawnionych do samofakturowania",
)
def query_eu_entities(
    caller: EuEntityReader,
    emulator: Here,
    body: EuEntityFilter | None = None,
    page_offset: PageOffset = 0,
    page_size: PageSize = 10,
) -> WireResponse:
    """Who acts for companies of other EU countries."""
    wanted = body or EuEntityFilter()
    grants = in_composite_contexts(emulator, caller.context_identity)
    found = [grant for grant in grants if wanted.admits(grant)]
    return _page("permissions", found, page_offset, page_size, eu_entity_permission)


def _page(
    name: str,
    found: Sequence[T],
    offset: int,
    size: int,
    tell: Callable[[T], dict[str, Any]],
    **more: Any,
) -> WireResponse:
    page, has_more = cut_page(found, offset=offset, size=size, most=_MOST)
    return WireResponse(present(**{name: [tell(each) for each in page]}, hasMore=has_more, **more))
