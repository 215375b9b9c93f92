"""From what KSeF told to rows of a snapshot: what has no column goes to ``extra``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_provider_ksef.tables.audit_columns import (
    AUDIT_KEYS,
    AUDIT_SCHEMAS,
    SNAPSHOT_DATE,
    SOURCE,
    TAKEN_AT,
)
from airflow_provider_ksef.tables.audit_members import Members, Row, as_json
from airflow_provider_ksef.tables.audit_permission_rows import permission_rows
from airflow_provider_ksef.tables.columns import AMOUNT
from airflow_provider_ksef.tables.layout import (
    CERTIFICATES_TABLE,
    LIMITS_TABLE,
    LOGIN_SESSIONS_TABLE,
    PERMISSIONS_TABLE,
    TOKENS_TABLE,
)
from airflow_provider_ksef.tables.moments import POLAND

Told = Mapping[str, Sequence[Mapping[str, Any]]]
"""KSeF's JSON objects by the list that they are of."""

_UNLIMITED = -1
_TOO_MUCH = 10 ** (AMOUNT.precision - AMOUNT.scale)


def snapshot_rows(table: str, told: Told, taken_at: datetime) -> list[Row]:
    """
    Make the rows of a snapshot, in the order of their keys, each once.

    :param table: one of the audit tables.
    :param told: what KSeF told for it; numbers with a fraction are Decimal.
    :param taken_at: when KSeF was asked, with an offset.
    """
    facts = {SNAPSHOT_DATE: taken_at.astimezone(POLAND).date(), TAKEN_AT: taken_at}
    empty = dict.fromkeys(AUDIT_SCHEMAS[table].names)
    rows = (row for source, items in told.items() for item in items for row in _ROWS[table](source, item))
    return by_key(table, (empty | facts | row for row in rows))


def by_key(table: str, rows: Iterable[Row]) -> list[Row]:
    """
    Put rows in the order of their keys; a page of KSeF's may repeat what moved on from the one before.

    :param table: one of the audit tables.
    :param rows: of one snapshot.
    """
    found = {key_of(table, row): row for row in rows}
    return [found[key] for key in sorted(found)]


def key_of(table: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what tells a row of a snapshot from the others."""
    return tuple(str(row[name]) for name in AUDIT_KEYS[table])


def _token(_source: str, item: Mapping[str, Any]) -> Iterator[Row]:
    told = Members(item)
    row = {
        "reference_number": told.take("referenceNumber"),
        "status": told.take("status"),
        "description": told.take("description"),
        **told.take_identifier("author_identifier", "authorIdentifier"),
        **told.take_identifier("context_identifier", "contextIdentifier"),
        "requested_permissions": sorted(told.take("requestedPermissions") or ()),
        "date_created": told.take_moment("dateCreated"),
        "last_use_date": told.take_moment("lastUseDate"),
        "status_details": told.take("statusDetails"),
    }
    yield row | {"extra": told.extra()}


def _certificate(_source: str, item: Mapping[str, Any]) -> Iterator[Row]:
    told = Members(item)
    row = {
        "certificate_serial_number": told.take("certificateSerialNumber"),
        "name": told.take("name"),
        "type": told.take("type"),
        "common_name": told.take("commonName"),
        "status": told.take("status"),
        **told.take_identifier("subject_identifier", "subjectIdentifier"),
        "valid_from": told.take_moment("validFrom"),
        "valid_to": told.take_moment("validTo"),
        "request_date": told.take_moment("requestDate"),
        "last_use_date": told.take_moment("lastUseDate"),
    }
    yield row | {"extra": told.extra()}


def _login_session(_source: str, item: Mapping[str, Any]) -> Iterator[Row]:
    told = Members(item)
    row = {
        "reference_number": told.take("referenceNumber"),
        "start_date": told.take_moment("startDate"),
        "method_category": told.take("authenticationMethodInfo", "category"),
        "method_code": told.take("authenticationMethodInfo", "code"),
        "method_name": told.take("authenticationMethodInfo", "displayName"),
        "status_code": told.take("status", "code"),
        "status_description": told.take("status", "description"),
        "status_details": told.take("status", "details"),
        "is_token_redeemed": told.take("isTokenRedeemed"),
        "last_token_refresh_date": told.take_moment("lastTokenRefreshDate"),
        "refresh_token_valid_until": told.take_moment("refreshTokenValidUntil"),
        "is_current": bool(told.take("isCurrent")),
    }
    yield row | {"extra": told.extra()}


def _limit(source: str, item: Mapping[str, Any]) -> Iterator[Row]:
    for name, told in _leaves(item, ()):
        fits = _fits(told)
        yield {
            SOURCE: source,
            "name": name,
            "value": Decimal(told) if fits and told != _UNLIMITED else None,
            "extra": None if fits or told is None else as_json(told),
        }


def _fits(told: Any) -> bool:
    """Whether it is a number that the column holds to its last digit."""
    is_number = isinstance(told, (int, Decimal)) and not isinstance(told, bool)
    return is_number and abs(told) < _TOO_MUCH and told == round(told, AMOUNT.scale)


def _leaves(told: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, member in told.items():
        if isinstance(member, dict):
            yield from _leaves(member, (*above, name))
        else:
            yield ".".join((*above, name)), member


_ROWS: dict[str, Callable[[str, Mapping[str, Any]], Iterator[Row]]] = {
    PERMISSIONS_TABLE: permission_rows,
    TOKENS_TABLE: _token,
    CERTIFICATES_TABLE: _certificate,
    LOGIN_SESSIONS_TABLE: _login_session,
    LIMITS_TABLE: _limit,
}
