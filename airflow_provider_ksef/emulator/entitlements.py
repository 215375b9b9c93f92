"""What somebody may do in a context: as its owner, or because it was granted."""

from __future__ import annotations

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.grants import ALL_PARTNERS, Grant, GrantKind, GrantStore
from airflow_provider_ksef.emulator.store.taxpayers import (
    COURT_BAILIFF,
    ENFORCEMENT_AUTHORITY,
    TaxpayerStore,
)
from airflow_provider_ksef.emulator.store.tokens import Token

OWNER = "Owner"
_ENFORCEMENT = "EnforcementOperations"
_DIRECT = [kind for kind in GrantKind if kind is not GrantKind.INDIRECT]
_IMPLIED = (
    "InvoiceRead",
    "InvoiceWrite",
    "Introspection",
    "CredentialsRead",
    "CredentialsManage",
    "SubunitManage",
    "CollectiveIdentifierManage",
)


def permissions_in(
    context: Identity, subject: Identity, taxpayers: TaxpayerStore, grants: GrantStore
) -> tuple[str, ...]:
    """
    The permissions of a subject in a context; none where it may not even log in there.

    Nothing is inherited: in a part of a company (InternalId) and in a composite context (NipVatUe) the owner
    of the NIP has what was granted there, as everybody else. A Peppol provider is alone in its context.
    """
    if context.type == "PeppolId":
        return ("PefInvoiceWrite",) if subject == context else ()
    names = taxpayers.same_person(subject)
    if context in names:
        return (OWNER, _ENFORCEMENT) if may_enforce(context, taxpayers) else (OWNER,)
    direct = grants.select(kinds=_DIRECT, holds_in=context, authorized=names)
    passed_on = grants.select(kinds=[GrantKind.INDIRECT], authorized=names)
    reaching = [grant for grant in passed_on if reaches(grant, context, grants)]
    return tuple(sorted({grant.permission for grant in (*direct, *reaching)}))


def reaches(grant: Grant, context: Identity, grants: GrantStore) -> bool:
    """Whether what an intermediary gave holds in a context: its owner must have given it to be passed on."""
    return grant.holds_in in (context, ALL_PARTNERS) and any(
        each.holds_in == context and each.permission == grant.permission
        for each in grants.delegated(grant.granted_in)
    )


def may_enforce(context: Identity, taxpayers: TaxpayerStore) -> bool:
    """Whether a context is that of a bailiff or an enforcement authority."""
    return context.type == "Nip" and any(
        taxpayers.has_role(context.value, role) for role in (COURT_BAILIFF, ENFORCEMENT_AUTHORITY)
    )


def owner_permissions(permissions: tuple[str, ...]) -> list[str]:
    """What a login has because its subject owns the context."""
    if OWNER not in permissions:
        return []
    return [*_IMPLIED, *(each for each in permissions if each == _ENFORCEMENT)]


def permissions_of_token(token: Token, taxpayers: TaxpayerStore, grants: GrantStore) -> tuple[str, ...]:
    """What a KSeF token gives now: of what it was made for, that which its author still has himself."""
    held = spell_out(permissions_in(token.context, token.author, taxpayers, grants))
    return tuple(each for each in token.permissions if each in held)


def spell_out(permissions: tuple[str, ...]) -> set[str]:
    """The permissions with what an owner has by law."""
    return {*permissions, *(_IMPLIED if OWNER in permissions else ())} - {OWNER}
