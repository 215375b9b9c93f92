"""Giving permissions, taking them away, and how far that has come."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from airflow_provider_ksef.emulator.access import (
    AnyCaller,
    Caller,
    CredentialsManager,
    EuEntityManager,
    GrantRevoker,
    Here,
    SubunitManager,
)
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import Invalid, foreign_resource, gone
from airflow_provider_ksef.emulator.grant_requests import (
    AuthorizationGrantBody,
    EntityGrantBody,
    EuAdministrationGrantBody,
    EuEntityGrantBody,
    Giving,
    IndirectGrantBody,
    PersonGrantBody,
    SubunitGrantBody,
)
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND
from airflow_provider_ksef.emulator.permission_work import (
    Authorize,
    Deauthorize,
    Give,
    Revoke,
    Work,
    begin,
)
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/permissions")
PermissionId = Annotated[str, Path(alias="permissionId", min_length=36, max_length=36)]

_RETENTION = 30 * 86_400 * TICKS_PER_SECOND
_BROKEN_OFF = "Przetwarzanie zostało przerwane z przyczyn wewnętrznych systemu. Spróbuj ponownie później."
_DESCRIPTIONS = {
    100: "Operacja przyjęta do realizacji",
    200: "Operacja zakończona sukcesem",
    400: "Operacja zakończona niepowodzeniem",
    410: "Podane identyfikatory są niezgodne lub pozostają w niewłaściwej relacji",
    420: "Użyte poświadczenia nie mają uprawnień do wykonania tej operacji",
    430: "Kontekst identyfikatora nie odpowiada wymaganej roli lub uprawnieniom",
    440: "Operacja niedozwolona dla wskazanych powiązań identyfikatorów",
    450: "Operacja niedozwolona dla wskazanego identyfikatora lub jego typu",
    500: "Nieznany błąd",
    550: "Operacja została anulowana przez system",
}


@router.post(
    "/persons/grants",
    summary="Nadanie osobom fizycznym uprawnień do pracy w KSeF",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_to_person(body: PersonGrantBody, caller: CredentialsManager, emulator: Here) -> WireResponse:
    """Let a person work in the context."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.post(
    "/entities/grants",
    summary="Nadanie podmiotom uprawnień do obsługi faktur",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_to_entity(body: EntityGrantBody, caller: CredentialsManager, emulator: Here) -> WireResponse:
    """Let a company handle the context's invoices."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.post(
    "/authorizations/grants",
    summary="Nadanie uprawnień podmiotowych",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def authorize_entity(
    body: AuthorizationGrantBody, caller: CredentialsManager, emulator: Here
) -> WireResponse:
    """Let a company issue the context's invoices in its own context."""
    return _begun(emulator, caller, Authorize(body.to_authorization(_giving(emulator, caller))))


@router.post(
    "/indirect/grants",
    summary="Nadanie uprawnień w sposób pośredni",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_indirectly(body: IndirectGrantBody, caller: CredentialsManager, emulator: Here) -> WireResponse:
    """Let a person handle the invoices of the context's clients."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.post(
    "/subunits/grants",
    summary="Nadanie uprawnień administratora podmiotu podrzędnego",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_in_subunit(body: SubunitGrantBody, caller: SubunitManager, emulator: Here) -> WireResponse:
    """Appoint an administrator of what is below the context."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.post(
    "/eu-entities/administration/grants",
    summary="Nadanie uprawnień administratora podmiotu unijnego",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_eu_administration(
    body: EuAdministrationGrantBody, caller: CredentialsManager, emulator: Here
) -> WireResponse:
    """Appoint an administrator for a company of another EU country."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.post(
    "/eu-entities/grants",
    summary="Nadanie uprawnień reprezentanta podmiotu unijnego",
    status_code=202,
    tags=["Nadawanie uprawnień"],
)
def grant_to_eu_entity(body: EuEntityGrantBody, caller: EuEntityManager, emulator: Here) -> WireResponse:
    """Let somebody act for the company of another EU country."""
    return _begun(emulator, caller, Give(body.to_grants(_giving(emulator, caller))))


@router.delete(
    "/common/grants/{permissionId}",
    summary="Odebranie uprawnień",
    status_code=202,
    tags=["Odbieranie uprawnień"],
)
def revoke_grant(permission: PermissionId, caller: GrantRevoker, emulator: Here) -> WireResponse:
    """Take a permission away."""
    return _begun(emulator, caller, Revoke(permission, caller.context_identity, caller.permissions))


@router.delete(
    "/authorizations/grants/{permissionId}",
    summary="Odebranie uprawnień podmiotowych",
    status_code=202,
    tags=["Odbieranie uprawnień"],
)
def revoke_authorization(
    permission: PermissionId, caller: CredentialsManager, emulator: Here
) -> WireResponse:
    """Take what a company may do for the context away."""
    return _begun(emulator, caller, Deauthorize(permission, caller.context_identity))


@router.get("/operations/{referenceNumber}", summary="Pobranie statusu operacji", tags=["Operacje"])
def get_operation(
    reference: Annotated[str, Path(alias="referenceNumber")], caller: AnyCaller, emulator: Here
) -> WireResponse:
    """How far a grant or a revocation has come."""
    operation = emulator.operations.get(reference)
    if operation is None:
        raise Invalid(f"'referenceNumber' {reference} is not an operation.")
    if operation.context != caller.context:
        raise foreign_resource()
    if emulator.clock.now() > operation.created + _RETENTION:
        raise gone()
    details = [_BROKEN_OFF] if operation.code == 550 else None
    status = present(code=operation.code, description=_DESCRIPTIONS[operation.code], details=details)
    return WireResponse({"status": status})


def _giving(emulator: Emulator, caller: Caller) -> Giving:
    return Giving(caller.context_identity, Identity.parse(caller.subject), emulator.clock.now())


def _begun(emulator: Emulator, caller: Caller, work: Work) -> WireResponse:
    return WireResponse({"referenceNumber": begin(emulator, caller, work)}, status_code=202)
