"""What KSeF told, as rows of the audit tables."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.exceptions import KsefTableError
from airflow_provider_ksef.tables.audit_columns import AUDIT_SCHEMAS
from airflow_provider_ksef.tables.audit_members import Members
from airflow_provider_ksef.tables.audit_rows import snapshot_rows
from tests.unit.tables.audit_told import ABROAD, CERTIFICATE, GRANTED, MONDAY, PERSON, TOKEN, TOLD


def rows(table: str) -> list[dict[str, Any]]:
    return snapshot_rows(table, TOLD[table], MONDAY)


@pytest.mark.parametrize("table", AUDIT_SCHEMAS)
def test_each_row_has_all_columns_and_the_day_of_its_snapshot(table: str) -> None:
    for row in rows(table):
        assert list(row) == AUDIT_SCHEMAS[table].names
        assert (row["snapshot_date"], row["taken_at"]) == (date(2026, 11, 23), MONDAY)


def test_the_day_is_that_in_poland() -> None:
    (row,) = snapshot_rows("tokens", {"tokens": [TOKEN]}, datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    assert row["snapshot_date"] == date(2026, 11, 24)


def test_a_permission_tells_who_may_what_where_whatever_the_list() -> None:
    found = {row["source"]: row for row in rows("permissions")}
    person, between, abroad = (found[name] for name in ("persons", "authorizations_granted", "eu_entities"))
    assert (person["permission_scope"], person["authorized_name"]) == ("InvoiceWrite", "Anna Abacka")
    assert (person["authorized_identifier_type"], person["authorized_identifier"]) == ("Pesel", "30112206276")
    assert (person["target_identifier_type"], person["target_identifier"]) == ("AllPartners", None)
    assert person["place_identifier_type"] is None
    assert person["start_date"] == datetime(2026, 1, 31, 23, 0, 0, 123456, tzinfo=UTC)
    assert json.loads(person["extra"]) == {
        "subjectPersonDetails": {"subjectDetailsType": "PersonByIdentifier"}
    }
    assert (between["permission_scope"], between["authorized_name"]) == ("SelfInvoicing", "Beta sp. z o.o.")
    assert (between["authorized_identifier"], between["place_identifier"]) == ("7980332920", "5250001210")
    assert (abroad["place_identifier_type"], abroad["place_identifier"]) == ("VatUe", "DE123456789")
    assert (abroad["authorized_identifier_type"], abroad["authorized_identifier"]) == (
        "Fingerprint",
        "AB" * 32,
    )
    assert abroad["place_name"] == "Muster GmbH"
    assert json.loads(abroad["extra"])["subjectEntityDetails"]["address"] == "Berlin"


def test_a_role_and_the_consent_to_attachments_are_rows_of_permissions() -> None:
    found = {row["source"]: row for row in rows("permissions")}
    above, consent = found["entities_roles"], found["attachments"]
    assert (above["permission_scope"], above["description"]) == ("VatGroupSubUnit", "członek grupy")
    assert (above["place_identifier_type"], above["place_identifier"]) == ("Nip", "1111111111")
    assert above["start_date"] == datetime(2026, 2, 1, tzinfo=UTC)
    below = [row for row in rows("permissions") if row["source"] == "subordinate_entities_roles"]
    assert {row["authorized_identifier"] for row in below} == {"7980332920", "5260250274"}
    assert {row["extra"] for row in (above, *below)} == {None}
    assert (consent["permission_scope"], consent["permission_state"]) == ("isAttachmentAllowed", "Active")
    assert consent["extra"] == '{"revokedDate":"2027-01-01T00:00:00+01:00"}'
    (refused,) = snapshot_rows("permissions", {"attachments": [{"isAttachmentAllowed": False}]}, MONDAY)
    assert refused["permission_state"] == "Inactive"


def test_a_token_a_certificate_and_a_login() -> None:
    (token,), (certificate,), (login,) = map(rows, ("tokens", "certificates", "login_sessions"))
    assert token["requested_permissions"] == ["InvoiceRead", "InvoiceWrite"]
    assert (token["status"], token["extra"]) == ("Active", None)
    assert certificate["valid_to"] == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert certificate["last_use_date"] is None
    assert (login["method_code"], login["status_code"], login["is_current"]) == ("token.ksef", 200, True)
    assert login["extra"] == '{"authenticationMethod":"Token"}'


def test_each_limit_is_a_row_with_a_decimal() -> None:
    found = {(row["source"], row["name"]): row for row in rows("limits")}
    assert found["context", "onlineSession.maxInvoices"]["value"] == Decimal(10_000)
    assert found["context", "new.share"]["value"] == Decimal("0.25")
    assert found["rate", "invoiceSend.perHour"]["value"] is None
    assert found["rate", "invoiceSend.perSecond"]["value"] == Decimal(10)
    told = found["context", "new.kind"]
    assert (told["value"], told["extra"]) == (None, '"soft"')
    assert [found["context", f"new.{name}"]["value"] for name in ("fine", "huge")] == [None, None]
    assert found["context", "new.fine"]["extra"] == "0.125"


@pytest.mark.parametrize(
    ("table", "source", "item"),
    [
        ("permissions", "persons", PERSON),
        ("permissions", "authorizations_granted", GRANTED),
        ("permissions", "eu_entities", ABROAD),
        ("tokens", "tokens", TOKEN),
        ("certificates", "certificates", CERTIFICATE),
    ],
)
def test_what_a_newer_ksef_tells_goes_to_extra(table: str, source: str, item: dict[str, Any]) -> None:
    newer = {**item, "endDate": "2027-01-01", "risk": {"level": 3, "share": Decimal("0.1")}, "none": None}
    (row,) = snapshot_rows(table, {source: [newer]}, MONDAY)
    extra = json.loads(row["extra"], parse_float=Decimal)
    assert extra["endDate"] == "2027-01-01"
    assert extra["risk"] == {"level": 3, "share": Decimal("0.1")}
    assert "none" not in extra


def test_what_is_told_twice_is_one_row() -> None:
    assert len(snapshot_rows("tokens", {"tokens": [TOKEN, TOKEN]}, MONDAY)) == 1


def test_a_moment_without_offset_is_refused() -> None:
    with pytest.raises(KsefTableError, match="is not a moment"):
        snapshot_rows("tokens", {"tokens": [{**TOKEN, "dateCreated": "2026-09-01T08:00:00"}]}, MONDAY)


OBJECTS = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), OBJECTS, max_size=3), st.sampled_from("abc"))
def test_what_is_taken_and_what_is_left_is_all(told: dict[str, Any], name: str) -> None:
    members = Members(told)
    taken = members.take(name)
    whole = members.left() | (
        {name: taken.left() if isinstance(taken, Members) else taken} if name in told else {}
    )
    assert whole == told
    assert members.take(name) is None
