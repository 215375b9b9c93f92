"""KSeF tokens: making, listing and revoking them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from airflow_provider_ksef.emulator.access import AnyCaller, Caller, Here
from airflow_provider_ksef.emulator.choices import AuthorType, TokenPermission, TokenStatus
from airflow_provider_ksef.emulator.emulator import Emulator
from airflow_provider_ksef.emulator.entitlements import spell_out
from airflow_provider_ksef.emulator.errors import ApiError, Invalid, foreign_resource, method_not_allowed
from airflow_provider_ksef.emulator.identities import Identity
from airflow_provider_ksef.emulator.ksef_tokens import make_token_text
from airflow_provider_ksef.emulator.moments import TICKS_PER_SECOND, format_moment
from airflow_provider_ksef.emulator.paging import (
    ContinuationToken,
    PageSize,
    check_page_size,
    read_position,
    write_position,
)
from airflow_provider_ksef.emulator.store.tokens import ACTIVE, REVOKED, Token
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse, present

router = APIRouter(prefix="/tokens", tags=["Tokeny KSeF"])
Reference = Annotated[str, Path(alias="referenceNumber")]
Text = Annotated[str | None, Query(min_length=3)]

_MANAGE, _READ = "CredentialsManage", "CredentialsRead"
_CONTEXTS = ("Nip", "InternalId")


class TokenBody(WireModel):
    """A token to make."""

    permissions: list[TokenPermission] = Field(min_length=1)
    description: str = Field(min_length=5, max_length=256)


@dataclass(frozen=True)
class _Filter:
    """Which tokens of a list are asked for."""

    statuses: list[TokenStatus]
    description: str
    author: str
    author_type: AuthorType | None

    def admits(self, token: Token, now: int) -> bool:
        return (
            (not self.statuses or token.status_at(now) in self.statuses)
            and self.description.lower() in token.description.lower()
            and self.author.lower() in token.author.value.lower()
            and (self.author_type is None or token.author.type == self.author_type)
        )


@router.post("", summary="Wygenerowanie nowego tokena", status_code=202)
def make_token(body: TokenBody, caller: AnyCaller, emulator: Here) -> WireResponse:
    """Make a token for the context of the login; its text is told this once."""
    if caller.method != "XadesSignature":
        raise method_not_allowed(caller.method)
    if caller.context_type not in _CONTEXTS:
        allowed = ", ".join(_CONTEXTS)
        detail = f"Bieżący typ kontekstu: {caller.context_type}. Dozwolone typy kontekstu: {allowed}."
        raise ApiError(26002, detail)
    wanted = tuple(dict.fromkeys(each.value for each in body.permissions))
    missing = [each for each in wanted if each not in spell_out(caller.permissions)]
    if missing:
        raise ApiError(26001, f"Brakujące uprawnienia: {', '.join(missing)}.")
    reference, now = emulator.new_reference("EC"), emulator.clock.now()
    token = Token(
        reference=reference,
        context=caller.context_identity,
        author=Identity.parse(caller.subject),
        description=body.description,
        permissions=wanted,
        created=now,
        status=ACTIVE,
        settled=_later(emulator),
    )
    text = make_token_text(reference, caller.context_identity)
    emulator.tokens.add(token, text)
    return WireResponse({"referenceNumber": reference, "token": text}, status_code=202)


@router.get("", summary="Pobranie listy wygenerowanych tokenów")
def list_tokens(
    *,
    caller: AnyCaller,
    emulator: Here,
    statuses: Annotated[list[TokenStatus] | None, Query(alias="status")] = None,
    description: Text = None,
    author: Annotated[Text, Query(alias="authorIdentifier")] = None,
    author_type: Annotated[AuthorType | None, Query(alias="authorIdentifierType")] = None,
    page_size: PageSize = 10,
    continuation: ContinuationToken = None,
) -> WireResponse:
    """Tokens of the context that the caller may see, the newest first."""
    check_page_size(page_size, 100)
    start, now = read_position(continuation), emulator.clock.now()
    wanted = _Filter(statuses or [], description or "", author or "", author_type)
    visible = _visibility(emulator, caller, _MANAGE, _READ)
    found = [
        token
        for token in emulator.tokens.select(caller.context_identity)
        if visible(token) and wanted.admits(token, now)
    ]
    following = write_position(start + page_size) if len(found) > start + page_size else None
    listed = [_describe(token, now) for token in found[start : start + page_size]]
    return WireResponse(present(continuationToken=following, tokens=listed))


@router.get("/{referenceNumber}", summary="Pobranie statusu tokena")
def get_token(reference: Reference, caller: AnyCaller, emulator: Here) -> WireResponse:
    """One token."""
    token = _token_of_context(emulator, reference, caller)
    if not _visibility(emulator, caller, _MANAGE, _READ)(token) and not _is_author(emulator, caller, token):
        raise foreign_resource()
    return WireResponse(_describe(token, emulator.clock.now()))


@router.delete("/{referenceNumber}", summary="Unieważnienie tokena", status_code=204)
def revoke_token(reference: Reference, caller: AnyCaller, emulator: Here) -> Response:
    """Let a token let nobody in any more."""
    token = _token_of_context(emulator, reference, caller)
    if not _visibility(emulator, caller, _MANAGE)(token):
        raise foreign_resource()
    if token.status != REVOKED:
        emulator.tokens.settle(reference, REVOKED, _later(emulator))
    return Response(status_code=204)


def _token_of_context(emulator: Emulator, reference: str, caller: Caller) -> Token:
    token = emulator.tokens.get(reference)
    if token is None:
        raise Invalid(f"'referenceNumber' {reference} is not a token.")
    if token.context != caller.context_identity:
        raise foreign_resource()
    return token


def _visibility(emulator: Emulator, caller: Caller, *permissions: str) -> Callable[[Token], bool]:
    """Which tokens of the context a caller may touch: with one of the permissions all, else its own."""
    if spell_out(caller.permissions) & set(permissions):
        return lambda _: True
    if caller.token is not None:
        return lambda token: token.reference == caller.token
    return lambda token: _is_author(emulator, caller, token)


def _is_author(emulator: Emulator, caller: Caller, token: Token) -> bool:
    return token.author in emulator.taxpayers.same_person(Identity.parse(caller.subject))


def _later(emulator: Emulator) -> int:
    return emulator.clock.now() + round(emulator.settings.delay * TICKS_PER_SECOND)


def _describe(token: Token, now: int) -> dict[str, Any]:
    return present(
        referenceNumber=token.reference,
        authorIdentifier=token.author.to_json(),
        contextIdentifier=token.context.to_json(),
        description=token.description,
        requestedPermissions=list(token.permissions),
        dateCreated=format_moment(token.created),
        lastUseDate=None if token.used is None else format_moment(token.used),
        status=token.status_at(now),
        statusDetails=[],
    )
