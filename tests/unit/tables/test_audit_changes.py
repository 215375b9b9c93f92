"""What changed between two snapshots, and what expires."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.tables.audit_changes import NO_CHANGE, Change, changes_between, expiring
from airflow_provider_ksef.tables.audit_columns import AUDIT_SCHEMAS
from airflow_provider_ksef.tables.audit_rows import key_of, snapshot_rows
from tests.unit.tables.audit_told import CERTIFICATE, LOGIN, MONDAY, PERSON, TOKEN

Row = dict[str, Any]
EMPTY = dict.fromkeys(AUDIT_SCHEMAS["tokens"].names)
NEXT_MONDAY = MONDAY + timedelta(days=7)


def token(number: int, status: str, description: str, used: datetime | None) -> Row:
    return EMPTY | {
        "snapshot_date": date(2026, 11, number + 1),
        "reference_number": f"T{number}",
        "status": status,
        "description": description,
        "last_use_date": used,
    }


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
snapshots = st.lists(
    st.builds(
        token,
        st.integers(0, 6),
        st.sampled_from(["Active", "Revoked"]),
        st.sampled_from("ab"),
        st.none() | moments,
    ),
    max_size=6,
    unique_by=lambda row: row["reference_number"],
)


def state(rows: list[Row]) -> dict[Any, Row]:
    """What of the rows counts."""
    return {
        key_of("tokens", row): {name: value for name, value in row.items() if name not in NO_CHANGE}
        for row in rows
    }


def applied(rows: list[Row], changes: list[Change]) -> list[Row]:
    kept = {key_of("tokens", row): row for row in rows}
    for change in changes:
        if change.before is not None:
            del kept[key_of("tokens", change.before)]
        if change.after is not None:
            kept[key_of("tokens", change.after)] = change.after
    return list(kept.values())


@given(snapshots, snapshots)
def test_the_changes_lead_from_one_snapshot_to_the_other(before: list[Row], after: list[Row]) -> None:
    assert state(applied(before, changes_between("tokens", before, after))) == state(after)


@given(snapshots, snapshots)
def test_the_other_way_round_they_are_the_opposite(before: list[Row], after: list[Row]) -> None:
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    there, back = changes_between("tokens", before, after), changes_between("tokens", after, before)
    assert [(opposite[c.kind], c.after, c.before, c.columns) for c in there] == [
        (c.kind, c.before, c.after, c.columns) for c in back
    ]


@given(snapshots, snapshots, st.randoms())
def test_the_order_of_rows_does_not_matter(before: list[Row], after: list[Row], random: Any) -> None:
    mixed = [random.sample(rows, len(rows)) for rows in (before, after)]
    assert changes_between("tokens", *mixed) == changes_between("tokens", before, after)


@given(snapshots, moments)
def test_being_used_is_no_change(rows: list[Row], used: datetime) -> None:
    later = [row | {"last_use_date": used, "snapshot_date": used.date(), "taken_at": used} for row in rows]
    assert changes_between("tokens", rows, later) == []


@given(snapshots, snapshots)
def test_a_changed_row_differs_in_each_column_that_is_named(before: list[Row], after: list[Row]) -> None:
    for change in changes_between("tokens", before, after):
        assert bool(change.columns) == (change.kind == "changed")
        for name in change.columns:
            assert change.before is not None
            assert change.after is not None
            assert change.before[name] != change.after[name]
            assert f"{name} {change.before[name]} -> {change.after[name]}" in str(change)


def compared(table: str, before: list[Row], after: list[Row]) -> list[str]:
    found = changes_between(
        table,
        snapshot_rows(table, {"persons" if table == "permissions" else table: before}, MONDAY),
        snapshot_rows(table, {"persons" if table == "permissions" else table: after}, NEXT_MONDAY),
    )
    return [str(change) for change in found]


@pytest.mark.parametrize(
    ("table", "before", "after", "told"),
    [
        (
            "permissions",
            [],
            [PERSON],
            (
                "permissions added: InvoiceWrite for Pesel 30112206276 Anna Abacka for the client "
                "AllPartners, given by Nip 5250001210 (persons)"
            ),
        ),
        (
            "permissions",
            [{**PERSON, "canDelegate": True}],
            [],
            (
                "permissions removed: InvoiceWrite for Pesel 30112206276 Anna Abacka for the client "
                "AllPartners, given by Nip 5250001210 (persons), to be passed on"
            ),
        ),
        (
            "tokens",
            [TOKEN],
            [{**TOKEN, "status": "Revoked"}],
            (
                f"tokens changed: {TOKEN['referenceNumber']} (dla Airflow) of Nip 5250001210, may "
                "InvoiceRead, InvoiceWrite: status Active -> Revoked"
            ),
        ),
        (
            "tokens",
            [],
            [{**TOKEN, "status": "Revoked"}],
            (
                f"tokens added: {TOKEN['referenceNumber']} (dla Airflow) of Nip 5250001210, may InvoiceRead, "
                "InvoiceWrite, Revoked"
            ),
        ),
        (
            "certificates",
            [CERTIFICATE],
            [],
            "certificates removed: 01A2B3C4D5E6F708 serwer (Authentication), until 2027-01-01 00:59",
        ),
        (
            "limits",
            [{"invoiceSend": {"perHour": 180}}],
            [{"invoiceSend": {"perHour": -1}}],
            "limits changed: invoiceSend.perHour (limits): value 180 -> no limit",
        ),
        (
            "limits",
            [],
            [{"share": Decimal("0.50")}],
            "limits added: share (limits), 0.5",
        ),
    ],
)
def test_a_change_is_told_in_a_line(table: str, before: list[Row], after: list[Row], told: str) -> None:
    assert compared(table, before, after) == [told]


def login(number: int, code: str, *, is_current: bool = False) -> Row:
    method = {"category": "Other", "code": code, "displayName": code}
    return {
        **LOGIN,
        "referenceNumber": f"20261123-AU-{number}",
        "startDate": f"2026-11-23T05:{60 - number}:00+00:00",
        "authenticationMethodInfo": method,
        "isCurrent": is_current,
    }


def test_of_logins_the_first_one_by_a_method_not_seen_before_is_told() -> None:
    before = [login(1, "token.ksef", is_current=True), login(2, "xades.qualified-seal")]
    after = [
        login(3, "token.ksef"),
        login(4, "profile.trusted"),
        login(5, "profile.trusted"),
        login(6, "xades.ksef-certificate", is_current=True),
    ]
    assert compared("login_sessions", before, after) == [
        "login_sessions added: by profile.trusted at 2026-11-23 06:55, 20261123-AU-5"
    ]
    assert compared("login_sessions", after, after[:1]) == []


def test_active_certificates_that_end_soon_are_told_the_first_one_first() -> None:
    def ending(serial: str, valid_to: str, status: str = "Active") -> Row:
        return {
            **CERTIFICATE,
            "certificateSerialNumber": serial,
            "validTo": f"{valid_to}T06:00:00+00:00",
            "status": status,
        }

    told = [
        ending("LATE", "2027-01-22"),
        ending("LAST", "2027-01-23"),
        ending("FIRST", "2026-11-01"),
        ending("GONE", "2026-12-01", "Revoked"),
    ]
    rows = snapshot_rows("certificates", {"certificates": told}, MONDAY)
    found = expiring(rows, now=MONDAY, days=60)
    assert [row["certificate_serial_number"] for row in found] == ["FIRST", "LATE"]
    found = expiring(rows, now=MONDAY, days=61)
    assert [row["certificate_serial_number"] for row in found] == ["FIRST", "LATE", "LAST"]
