"""What somebody may do in a context: as its owner, or because it was granted."""

from __future__ import annotations

from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.grants import GrantStore
from airflow_provider_ksef.emulator.store.taxpayers import (
    COURT_BAILIFF,
    ENFORCEMENT_AUTHORITY,
    TaxpayerStore,
)
from airflow_provider_ksef.emulator.store.tokens import Token

OWNER = "Owner"
_ENFORCEMENT = "EnforcementOperations"
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

    Whoever owns a NIP owns the contexts below it (InternalId, NipVatUe) too, and what was granted in a NIP's
    context counts in them. A Peppol provider is alone in its context.
    """
    if context.nip is None:
        return ("PefInvoiceWrite",) if subject == context else ()
    owner = Identity("Nip", context.nip)
    names = taxpayers.same_person(subject)
    if owner in names:
        enforces = any(
            taxpayers.has_role(context.nip, role) for role in (COURT_BAILIFF, ENFORCEMENT_AUTHORITY)
        )
        return (OWNER, _ENFORCEMENT) if enforces else (OWNER,)
    held = {each for name in names for place in (context, owner) for each in grants.held(place, name)}
    return tuple(sorted(held))


def permissions_of_token(token: Token, taxpayers: TaxpayerStore, grants: GrantStore) -> tuple[str, ...]:
    """What a KSeF token gives now: of what it was made for, that which its author still has himself."""
    held = spell_out(permissions_in(token.context, token.author, taxpayers, grants))
    return tuple(each for each in token.permissions if each in held)


def spell_out(permissions: tuple[str, ...]) -> set[str]:
    """The permissions with what an owner has by law."""
    return {*permissions, *(_IMPLIED if OWNER in permissions else ())} - {OWNER}
