"""Whether a permission may be given or taken away: the status with which the operation ends."""

from __future__ import annotations

from airflow_provider_ksef.emulator.entitlements import may_enforce, spell_out
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.store.authorizations import Authorization
from airflow_provider_ksef.emulator.store.grants import Grant, GrantKind
from airflow_provider_ksef.emulator.store.taxpayers import TaxpayerStore

DONE, WRONG_RELATION, NOT_ENTITLED, WRONG_CONTEXT, NOT_ALLOWED = 200, 410, 420, 430, 450
_CONTEXTS = {
    GrantKind.PERSON: ("Nip", "InternalId"),
    GrantKind.ENTITY: ("Nip", "InternalId"),
    GrantKind.EU_ENTITY: ("NipVatUe",),
}
_PARENTS = ("VatGroup", "JST")


def judge_grant(grant: Grant, taxpayers: TaxpayerStore) -> int:
    """Say how giving a permission ends."""
    if grant.granted_in.type not in _CONTEXTS.get(grant.kind, ("Nip",)):
        return WRONG_CONTEXT
    match grant.kind:
        case GrantKind.PERSON:
            return _judge_person(grant, taxpayers)
        case GrantKind.SUBUNIT:
            return _judge_subunit(grant, taxpayers)
    return DONE if _fits_giver(grant) else WRONG_RELATION


def judge_authorization(authorization: Authorization) -> int:
    """Say how authorizing a company ends."""
    if authorization.authorizing.type != "Nip":
        return WRONG_CONTEXT
    if authorization.authorized == authorization.authorizing:
        return WRONG_RELATION
    is_provider = authorization.authorized.type == "PeppolId"
    if is_provider != (authorization.permission == "PefInvoicing"):
        return NOT_ALLOWED
    return DONE


def judge_revocation(grant: Grant | None, context: Identity, permissions: tuple[str, ...]) -> int:
    """
    Say how taking a permission away ends.

    :param context: of who wants it.
    :param permissions: what they have there.
    """
    if grant is None or context not in (grant.granted_in, grant.holds_in):
        return WRONG_RELATION
    return DONE if _revokers(grant, context) & spell_out(permissions) else NOT_ENTITLED


def judge_deauthorization(authorization: Authorization | None, context: Identity) -> int:
    """Say how taking an authorization away ends."""
    return DONE if authorization is not None and authorization.authorizing == context else WRONG_RELATION


def _revokers(grant: Grant, context: Identity) -> set[str]:
    if grant.granted_in != context and grant.kind in (GrantKind.INDIRECT, GrantKind.EU_ADMINISTRATION):
        return set()
    if grant.kind is GrantKind.EU_ENTITY:
        return {"VatUeManage"}
    if grant.kind is GrantKind.SUBUNIT and grant.granted_in == context:
        return {"SubunitManage", "CredentialsManage"}
    return {"CredentialsManage"}


def _fits_giver(grant: Grant) -> bool:
    """
    Whether a company lets another one in than itself, and a composite context begins with its own NIP.

    What an intermediary passes on need not be allowed by the client, against the API's description: the tests
    of both official clients rely on it. It cannot be used then.
    """
    if grant.kind is GrantKind.EU_ADMINISTRATION:
        return grant.holds_in.nip == grant.granted_in.value
    if grant.kind is GrantKind.INDIRECT:
        return grant.holds_in != grant.granted_in
    return grant.authorized != grant.granted_in


def _judge_person(grant: Grant, taxpayers: TaxpayerStore) -> int:
    if grant.permission == "EnforcementOperations" and not may_enforce(grant.granted_in, taxpayers):
        return WRONG_CONTEXT
    if grant.permission == "SubunitManage" and grant.granted_in.type != "Nip":
        return WRONG_CONTEXT
    return DONE


def _judge_subunit(grant: Grant, taxpayers: TaxpayerStore) -> int:
    above, below = grant.granted_in.value, grant.holds_in
    if below.type == "InternalId":
        return DONE if below.nip == above else WRONG_RELATION
    entity = taxpayers.entity(above)
    if entity is None or entity.kind not in _PARENTS:
        return WRONG_CONTEXT
    return DONE if above in taxpayers.parents(below.value) else WRONG_RELATION
