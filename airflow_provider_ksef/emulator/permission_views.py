"""Which permissions somebody sees who asks in a context."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_ksef.emulator.access import Caller
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import OWNER, reaches
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.grants import ALL_PARTNERS, Grant, GrantKind

ACTIVE, INACTIVE = "Active", "Inactive"
_OWN = [kind for kind in GrantKind if kind is not GrantKind.INDIRECT]
_WORKING = (GrantKind.PERSON, GrantKind.ENTITY, GrantKind.SUBUNIT)


def state_of(emulator: Emulator, grant: Grant) -> str:
    """Whether a permission can be used somewhere."""
    if grant.kind is not GrantKind.INDIRECT:
        return ACTIVE
    clients = (
        [each.holds_in for each in emulator.grants.delegated(grant.granted_in)]
        if grant.holds_in == ALL_PARTNERS
        else [grant.holds_in]
    )
    return ACTIVE if any(reaches(grant, client, emulator.grants) for client in clients) else INACTIVE


def personal(emulator: Emulator, caller: Caller) -> list[Grant]:
    """What the one who asks has: in the context, passed on by it or to it, and as its owner from others."""
    here, grants = caller.context_identity, emulator.grants
    names = emulator.taxpayers.same_person(Identity.parse(caller.subject))
    passed_on = [
        grant
        for grant in grants.select(kinds=[GrantKind.INDIRECT], authorized=names)
        if here in (grant.granted_in, grant.holds_in) or reaches(grant, here, grants)
    ]
    received = (
        grants.select(kinds=[GrantKind.ENTITY], authorized=[here]) if OWNER in caller.permissions else []
    )
    return _sorted([*grants.select(kinds=_OWN, holds_in=here, authorized=names), *passed_on, *received])


def held_in_context(emulator: Emulator, context: Identity) -> list[Grant]:
    """What lets people and companies work in a context, and what it passed on."""
    direct = emulator.grants.select(kinds=_WORKING, holds_in=context)
    return _sorted([*direct, *emulator.grants.select(kinds=[GrantKind.INDIRECT], granted_in=context)])


def granted_by_caller(emulator: Emulator, caller: Caller) -> list[Grant]:
    """What the one who asks has given in the context, for it and for what is below it or its clients."""
    names = emulator.taxpayers.same_person(Identity.parse(caller.subject))
    given = emulator.grants.select(kinds=(*_WORKING, GrantKind.INDIRECT), granted_in=caller.context_identity)
    return [grant for grant in given if grant.author in names]


def in_composite_contexts(emulator: Emulator, context: Identity) -> list[Grant]:
    """The administrators for companies of other EU countries; in a composite context all who act there."""
    if context.type == "NipVatUe":
        kinds = (GrantKind.EU_ADMINISTRATION, GrantKind.EU_ENTITY)
        return emulator.grants.select(kinds=kinds, holds_in=context)
    return emulator.grants.select(kinds=[GrantKind.EU_ADMINISTRATION], granted_in=context)


def _sorted(grants: Iterable[Grant]) -> list[Grant]:
    each_once = {grant.id: grant for grant in grants}.values()
    return sorted(each_once, key=lambda grant: (-grant.started, grant.id))
