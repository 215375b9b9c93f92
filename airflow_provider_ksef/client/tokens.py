"""KSeF tokens: making, listing and revoking them (KSeF docs: tokeny-ksef)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment, nothing
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.input_checks import (
    check_choice,
    check_choices,
    check_description,
    check_length,
)
from airflow_provider_ksef.client.paging import TokenPage, read_by_token
from airflow_provider_ksef.client.subjects import SUBJECT_TYPES, Identifier
from airflow_provider_ksef.client.waiting import wait_until

TOKEN_PERMISSIONS = (
    "InvoiceRead",
    "InvoiceWrite",
    "CredentialsRead",
    "CredentialsManage",
    "SubunitManage",
    "EnforcementOperations",
    "Introspection",
    "CollectiveIdentifierManage",
)
TOKEN_CONTEXTS = ("Nip", "InternalId")
"""Types of the contexts in which KSeF makes tokens."""
TOKEN_STATUSES = ("Pending", "Active", "Revoking", "Revoked", "Failed")
PATIENCE = 120.0
"""Seconds within which KSeF has to activate or revoke a token."""
_UNSETTLED = ("Pending", "Revoking")
_PAGE_SIZE = 100
_LEAST_SEARCHED, _MOST_SEARCHED = 3, 256


@dataclass(frozen=True)
class GeneratedToken:
    """
    A new KSeF token, which KSeF tells this once.

    :param reference_number: of the token.
    :param token: the secret, as a connection's password wants it.
    """

    reference_number: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class KsefToken:
    """
    What KSeF knows of a token, but its secret.

    :param reference_number: of the token.
    :param author_identifier: who made it.
    :param context_identifier: to which context it gives access.
    :param description: as its author wrote it.
    :param requested_permissions: that it was made with.
    :param date_created: when it was made, UTC.
    :param status: ``Pending`` until it can be used, ``Active``, ``Revoking``, ``Revoked`` or ``Failed``.
    :param last_use_date: when somebody last logged in by it; None where nobody has.
    :param status_details: KSeF's reasons where it failed.
    """

    reference_number: str
    author_identifier: Identifier
    context_identifier: Identifier
    description: str
    requested_permissions: tuple[str, ...]
    date_created: datetime
    status: str
    last_use_date: datetime | None = None
    status_details: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether one can log in by it."""
        return self.status == "Active"


class _Generated(msgspec.Struct, rename="camel"):
    reference_number: str
    token: str

    def __repr__(self) -> str:
        return f"<token {self.reference_number}>"


class _Token(msgspec.Struct, rename="camel"):
    reference_number: str
    author_identifier: Identifier
    context_identifier: Identifier
    description: str
    requested_permissions: list[str]
    date_created: str
    status: str
    last_use_date: str | None = None
    status_details: list[str] | None = None


class _Page(msgspec.Struct, rename="camel"):
    tokens: list[_Token]
    continuation_token: str | None = None


def generate(permissions: Collection[str], description: str) -> Call[GeneratedToken]:
    """
    Make a token for the connection's context (``POST /tokens``); only who logged in by certificate may.

    It cannot be used before its status is ``Active``, see :func:`wait_until_settled`.

    :param permissions: one or more of :data:`TOKEN_PERMISSIONS`, each of which the login has itself.
    :param description: 5 to 256 characters.
    :raises KsefInputError: where a permission is unknown or the description too short or long.
    :raises KsefApiError: 26001 where the login lacks one of the permissions, 26002 where the context is
        neither a NIP nor an internal identifier.
    """
    body = {
        "permissions": list(check_choices("permissions", permissions, TOKEN_PERMISSIONS)),
        "description": check_description(description),
    }
    return Call("POST", "/tokens", _parse_generated, body=body)


def query(
    *,
    statuses: Collection[str] = (),
    description: str | None = None,
    author_identifier: str | None = None,
    author_identifier_type: str | None = None,
) -> Flow[list[KsefToken]]:
    """
    List tokens of the context, the newest first (``GET /tokens``), all pages.

    With ``CredentialsManage`` or ``CredentialsRead`` these are all of the context, else the caller's own.

    :param statuses: any of these; all where there is none.
    :param description: a part of the description, 3 characters at least.
    :param author_identifier: a part of the author's identifier, 3 characters at least.
    :param author_identifier_type: ``Nip``, ``Pesel`` or ``Fingerprint``.
    :raises KsefInputError: where a value is unknown or too short.
    """
    params: dict[str, str | int | Sequence[str]] = {"pageSize": _PAGE_SIZE}
    if statuses:
        params["status"] = check_choices("statuses", statuses, TOKEN_STATUSES)
    if description is not None:
        params["description"] = check_searched("description", description)
    if author_identifier is not None:
        params["authorIdentifier"] = check_searched("author_identifier", author_identifier)
    if author_identifier_type is not None:
        check_choice("author_identifier_type", author_identifier_type, SUBJECT_TYPES)
        params["authorIdentifierType"] = author_identifier_type
    return read_by_token(
        lambda headers: Call("GET", "/tokens", _parse_page, params=params, headers=headers, is_safe=True)
    )


def get_status(reference_number: str) -> Call[KsefToken]:
    """
    Read what KSeF knows of a token (``GET /tokens/{referenceNumber}``).

    :param reference_number: of the token.
    :raises KsefInputError: where it is no reference number.
    """
    return Call("GET", _path(reference_number), _parse_token, is_safe=True)


def wait_until_settled(reference_number: str, patience: float = PATIENCE) -> Flow[KsefToken]:
    """
    Wait until a token is no longer ``Pending`` or ``Revoking``.

    :param reference_number: of the token.
    :param patience: seconds after which to give up.
    :returns: the token; its status says whether it became ``Active`` or ``Failed``.
    :raises KsefTimeoutError: where KSeF takes longer.
    """
    call = get_status(reference_number)
    return wait_until(f"Token {reference_number}", call, is_settled, patience=patience)


def revoke(reference_number: str) -> Call[None]:
    """
    Let a token let nobody in any more (``DELETE /tokens/{referenceNumber}``).

    Access tokens that were got by it live on until they expire, minutes later.

    :param reference_number: of the token.
    :raises KsefInputError: where it is no reference number.
    """
    return Call("DELETE", _path(reference_number), nothing, is_safe=True)


def check_searched(field_name: str, part: str) -> str:
    """
    Give a part of a text back that KSeF searches for.

    :raises KsefInputError: where it is shorter or longer than KSeF takes it.
    """
    return check_length(field_name, part, _LEAST_SEARCHED, _MOST_SEARCHED)


def _path(reference_number: str) -> str:
    return f"/tokens/{check_reference_number(reference_number)}"


def is_settled(token: KsefToken) -> bool:
    """Whether KSeF is neither activating nor revoking a token."""
    return token.status not in _UNSETTLED


def _token(answer: _Token) -> KsefToken:
    return KsefToken(
        reference_number=answer.reference_number,
        author_identifier=answer.author_identifier,
        context_identifier=answer.context_identifier,
        description=answer.description,
        requested_permissions=tuple(answer.requested_permissions),
        date_created=moment(answer.date_created),
        status=answer.status,
        last_use_date=None if answer.last_use_date is None else moment(answer.last_use_date),
        status_details=tuple(answer.status_details or ()),
    )


def _page(answer: _Page) -> TokenPage[KsefToken]:
    return TokenPage(list(map(_token, answer.tokens)), answer.continuation_token)


_parse_generated = json_parser(_Generated, lambda told: GeneratedToken(told.reference_number, told.token))
_parse_token = json_parser(_Token, _token)
_parse_page = json_parser(_Page, _page)
