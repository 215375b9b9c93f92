"""Test data that only the TEST environment lets one make: taxpayers, permissions, blocked contexts."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.choices import AuthorType, EntityType, TokenPermission
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.identities import NIP, PESEL, Identity
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.searching import read_moment
from airflow_provider_ksef.emulator.store.grants import SYSTEM, Grant, GrantKind, new_id
from airflow_provider_ksef.emulator.store.taxpayers import Entity, Person
from airflow_provider_ksef.emulator.token_login import ContextIdentifier
from airflow_provider_ksef.emulator.wire import WireModel

router = APIRouter(prefix="/testdata", tags=["Dane testowe"])
Nip = Annotated[str, Field(pattern=f"^{NIP}$")]
Pesel = Annotated[str, Field(pattern=f"^{PESEL}$")]
Description = Annotated[str, Field(min_length=5, max_length=256)]


class Subunit(WireModel):
    """Who belongs to a VAT group or a local government."""

    subject_nip: Nip
    description: Description


class SubjectBody(WireModel):
    """An organisation to make."""

    subject_nip: Nip
    subject_type: EntityType
    subunits: list[Subunit] | None = None
    description: Description
    created_date: str | None = None


class SubjectRemoval(WireModel):
    """An organisation to remove."""

    subject_nip: Nip


class PersonBody(WireModel):
    """Somebody with a NIP and a PESEL."""

    nip: Nip
    pesel: Pesel
    is_bailiff: bool
    is_deceased: bool = False
    description: Description
    created_date: str | None = None


class PersonRemoval(WireModel):
    """Somebody to remove."""

    nip: Nip


class Context(WireModel):
    """In whose context; test data know companies only."""

    type: str
    value: Nip

    @model_validator(mode="after")
    def _is_nip(self) -> Context:
        if self.type.lower() != "nip":
            raise ValueError("must be of type Nip")
        return self


class Authorized(WireModel):
    """Who gets permissions or loses them."""

    type: AuthorType
    value: str

    @model_validator(mode="after")
    def _fits_its_type(self) -> Authorized:
        if not self.identity.is_well_formed:
            raise ValueError(f"{self.value} is not a valid {self.type.value}")
        return self

    @property
    def identity(self) -> Identity:
        return Identity(self.type.value, self.value.upper())


class PermissionItem(WireModel):
    """One permission to give."""

    permission_type: TokenPermission
    description: Description


class PermissionsRemoval(WireModel):
    """Take all permissions in a context away."""

    context_identifier: Context
    authorized_identifier: Authorized

    @property
    def context(self) -> Identity:
        return Identity("Nip", self.context_identifier.value)


class PermissionsBody(PermissionsRemoval):
    """Permissions to give in a context."""

    permissions: list[PermissionItem]


class BlockBody(WireModel):
    """A context that nobody may enter, or everybody again."""

    context_identifier: ContextIdentifier


@router.post("/subject", summary="Utworzenie podmiotu")
def make_subject(body: SubjectBody, emulator: Here) -> Response:
    """Make an organisation, with those that belong to it."""
    if body.subunits and body.subject_type == EntityType.ENFORCEMENT_AUTHORITY:
        raise Invalid("'subunits' must be empty for 'subjectType' EnforcementAuthority.")
    with emulator.database.transaction():
        if emulator.taxpayers.entity(body.subject_nip):
            raise ApiError(30001)
        created = _creation(emulator, "entities", body.subject_nip, body.created_date)
        entity = Entity(body.subject_nip, body.subject_type.value, body.description, created)
        subunits = [(each.subject_nip, each.description) for each in body.subunits or ()]
        emulator.taxpayers.add_entity(entity, subunits)
    return Response()


@router.post("/subject/remove", summary="Usunięcie podmiotu")
def remove_subject(body: SubjectRemoval, emulator: Here) -> Response:
    """Remove an organisation and what was granted to it or in its context."""
    with emulator.database.transaction():
        emulator.taxpayers.remove_entity(body.subject_nip)
        _forget(emulator, Identity("Nip", body.subject_nip))
    return Response()


@router.post("/person", summary="Utworzenie osoby fizycznej")
def make_person(body: PersonBody, emulator: Here) -> Response:
    """Bind a NIP to a PESEL: whoever has one of them owns the NIP's context."""
    with emulator.database.transaction():
        if emulator.taxpayers.person(body.nip):
            raise ApiError(30001)
        created = _creation(emulator, "people", body.nip, body.created_date)
        person = Person(body.nip, body.pesel, body.is_bailiff, body.is_deceased, body.description, created)
        emulator.taxpayers.add_person(person)
    return Response()


@router.post("/person/remove", summary="Usunięcie osoby fizycznej")
def remove_person(body: PersonRemoval, emulator: Here) -> Response:
    """Remove somebody and what was granted to them or in their context."""
    with emulator.database.transaction():
        for identity in emulator.taxpayers.same_person(Identity("Nip", body.nip)):
            _forget(emulator, identity)
        emulator.taxpayers.remove_person(body.nip)
    return Response()


@router.post("/permissions", summary="Nadanie uprawnień testowemu podmiotowi/osobie fizycznej")
def give_permissions(body: PermissionsBody, emulator: Here) -> Response:
    """Give permissions; what is there already stays."""
    emulator.grants.add(
        Grant(
            id=new_id(),
            kind=GrantKind.PERSON,
            granted_in=body.context,
            holds_in=body.context,
            authorized=body.authorized_identifier.identity,
            permission=each.permission_type.value,
            can_delegate=False,
            author=SYSTEM,
            description=each.description,
            started=emulator.clock.now(),
        )
        for each in body.permissions
    )
    return Response()


@router.post("/permissions/revoke", summary="Odebranie uprawnień testowemu podmiotowi/osobie fizycznej")
def take_permissions(body: PermissionsRemoval, emulator: Here) -> Response:
    """Take all permissions away that one has in a context."""
    emulator.grants.take_away(body.context, body.authorized_identifier.identity)
    return Response()


@router.post("/context/block", summary="Zablokowanie kontekstu")
def block_context(body: BlockBody, emulator: Here) -> Response:
    """Let the next logins to a context end with 480."""
    emulator.grants.block(body.context_identifier.identity)
    return Response()


@router.post("/context/unblock", summary="Odblokowanie kontekstu")
def unblock_context(body: BlockBody, emulator: Here) -> Response:
    """Let logins to a context succeed again."""
    emulator.grants.unblock(body.context_identifier.identity)
    return Response()


def _forget(emulator: Emulator, identity: Identity) -> None:
    emulator.grants.remove_all(identity)
    emulator.authorizations.remove_all(identity)


def _creation(
    emulator: Emulator, table: Literal["people", "entities"], nip: str, created_date: str | None
) -> int:
    """When something was made; whoever makes it anew must name a later date than before."""
    if created_date is None:
        return emulator.clock.now()
    created = read_moment("createdDate", created_date)
    last = emulator.taxpayers.last_created(table, nip)
    if last is not None and created <= last:
        raise Invalid(f"'createdDate' must be later than {format_moment(last)}.")
    return created
