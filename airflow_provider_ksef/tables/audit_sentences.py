"""How a row of a snapshot is told to people, with times as the clocks in Poland show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_provider_ksef.tables.audit_columns import SOURCE
from airflow_provider_ksef.tables.audit_members import Row
from airflow_provider_ksef.tables.layout import (
    CERTIFICATES_TABLE,
    LIMITS_TABLE,
    LOGIN_SESSIONS_TABLE,
    PERMISSIONS_TABLE,
    TOKENS_TABLE,
)
from airflow_provider_ksef.tables.moments import POLAND


def about(table: str, row: Row) -> str:
    """
    Say what a row is about.

    :param table: one of the audit tables.
    :param row: of it.
    """
    return _ABOUT[table](row)


def standing(row: Row) -> str:
    """
    Say what is so of a row that is told on its own: a limit's value, a state other than active, and whether a
    permission may be passed on.

    :param row: of any table.
    """
    if "value" in row:
        return f", {_value('value', row)}"
    state = row.get("permission_state") or row.get("status")
    delegation = ", to be passed on" if row.get("can_delegate") else ""
    return (f", {state}" if state not in (None, "Active") else "") + delegation


def difference(name: str, before: Row, after: Row) -> str:
    """
    Say how a column differs.

    :param name: of the column.
    :param before: the row as it was.
    :param after: the row as it is.
    """
    return f"{name} {_value(name, before)} -> {_value(name, after)}"


def moment(value: datetime) -> str:
    """Tell a moment to the minute."""
    return f"{value.astimezone(POLAND):%Y-%m-%d %H:%M}"


def _permission(row: Row) -> str:
    parts = (
        (" for", "authorized_identifier", "authorized_name"),
        (" in", "place_identifier", "place_name"),
        (" for the client", "target_identifier", ""),
        (", given by", "author_identifier", ""),
    )
    parties = (_party(row, *part) for part in parts)
    return f"{row['permission_scope']}{''.join(parties)} ({row[SOURCE]})"


def _token(row: Row) -> str:
    by, may = _party(row, " of", "author_identifier"), _text(row["requested_permissions"])
    return f"{row['reference_number']} ({row['description']}){by}, may {may}"


def _certificate(row: Row) -> str:
    until = moment(row["valid_to"])
    return f"{row['certificate_serial_number']} {row['name']} ({row['type']}), until {until}"


def _login(row: Row) -> str:
    return f"by {row['method_code']} at {moment(row['start_date'])}, {row['reference_number']}"


def _limit(row: Row) -> str:
    return f"{row['name']} ({row[SOURCE]})"


_ABOUT: Mapping[str, Callable[[Row], str]] = {
    PERMISSIONS_TABLE: _permission,
    TOKENS_TABLE: _token,
    CERTIFICATES_TABLE: _certificate,
    LOGIN_SESSIONS_TABLE: _login,
    LIMITS_TABLE: _limit,
}


def _party(row: Row, word: str, column: str, name: str = "") -> str:
    """Name a party by the type and value of its identifier and by its name, as far as they are there."""
    told = [row[each] for each in (f"{column}_type", column, name) if row.get(each) is not None]
    return " ".join([word, *told]) if told else ""


def _value(name: str, row: Row) -> str:
    is_unlimited = name == "value" and row[name] is None and row["extra"] is None
    return "no limit" if is_unlimited else _text(row[name])


def _text(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case datetime():
            return moment(value)
        case Decimal():
            return f"{value.normalize():f}"
        case list():
            return ", ".join(map(str, value))
    return str(value)
