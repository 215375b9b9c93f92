"""The logins of a context that are still good: listing and ending them (KSeF docs: auth/sesje)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import StatusInfo, json_parser, moment, nothing
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.identifiers import check_reference_number
from airflow_provider_ksef.client.paging import TokenPage, read_by_token

_PAGE_SIZE = 100


@dataclass(frozen=True)
class LoginSession:
    """
    A login that can still get access tokens.

    :param reference_number: of the login.
    :param start_date: when it began, UTC.
    :param method_category: ``XadesSignature``, ``NationalNode``, ``Token`` or ``Other``.
    :param method_code: KSeF's code of the method, such as ``xades.qualified-seal``.
    :param method_name: KSeF's name of the method, Polish.
    :param status_code: 200 for a good login.
    :param status_description: KSeF's text for the code.
    :param is_token_redeemed: whether its tokens were fetched, where KSeF says.
    :param last_token_refresh_date: when it last got an access token anew; None where it has not.
    :param refresh_token_valid_until: until when it can, where KSeF says.
    :param is_current: whether it is the login of this very call.
    """

    reference_number: str
    start_date: datetime
    method_category: str
    method_code: str
    method_name: str
    status_code: int
    status_description: str
    is_token_redeemed: bool | None
    last_token_refresh_date: datetime | None
    refresh_token_valid_until: datetime | None
    is_current: bool


class _Method(msgspec.Struct, rename="camel"):
    category: str
    code: str
    display_name: str


class _Session(msgspec.Struct, rename="camel"):
    reference_number: str
    start_date: str
    authentication_method_info: _Method
    status: StatusInfo
    is_token_redeemed: bool | None = None
    last_token_refresh_date: str | None = None
    refresh_token_valid_until: str | None = None
    is_current: bool = False


class _Page(msgspec.Struct, rename="camel"):
    items: list[_Session]
    continuation_token: str | None = None


def query() -> Flow[list[LoginSession]]:
    """List the active logins of the context, the newest first (``GET /auth/sessions``), all pages."""
    params = {"pageSize": _PAGE_SIZE}
    return read_by_token(
        lambda headers: Call(
            "GET", "/auth/sessions", _parse_page, params=params, headers=headers, is_safe=True
        )
    )


def end(reference_number: str) -> Call[None]:
    """
    End a login (``DELETE /auth/sessions/{referenceNumber}``): it gets no access tokens any more.

    Those that it has live on until they expire, minutes later.

    :param reference_number: of the login.
    :raises KsefInputError: where it is no reference number.
    """
    path = f"/auth/sessions/{check_reference_number(reference_number)}"
    return Call("DELETE", path, nothing, is_safe=True)


def _session(answer: _Session) -> LoginSession:
    method = answer.authentication_method_info
    return LoginSession(
        reference_number=answer.reference_number,
        start_date=moment(answer.start_date),
        method_category=method.category,
        method_code=method.code,
        method_name=method.display_name,
        status_code=answer.status.code,
        status_description=answer.status.description,
        is_token_redeemed=answer.is_token_redeemed,
        last_token_refresh_date=_moment(answer.last_token_refresh_date),
        refresh_token_valid_until=_moment(answer.refresh_token_valid_until),
        is_current=answer.is_current,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


def _page(answer: _Page) -> TokenPage[LoginSession]:
    return TokenPage(list(map(_session, answer.items)), answer.continuation_token)


_parse_page = json_parser(_Page, _page)
