"""Permissions as data: each kind is read, and each mistake is told with the place where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_ksef.client.permission_entries import read_entries
from airflow_provider_ksef.client.permission_holdings import KINDS
from airflow_provider_ksef.client.permission_keys import read_keys
from airflow_provider_ksef.client.settings import ContextIdentifier
from airflow_provider_ksef.exceptions import KsefInputError
from tests.contract.permission_calls import ABROAD, COMPANY, COMPOSITE, GRANTS, HOLDER, OTHER, UNIT

ANNA = {"first_name": "Anna", "last_name": "Abacka"}
HANS = {
    "first_name": "Hans",
    "last_name": "Muster",
    "birth_date": "1980-02-29",
    "id_document": {"type": "Passport", "number": "C01X00T47", "country": "DE"},
}
COMMON = {"description": "na próbę"}
PERSON: dict[str, Any] = {
    "kind": "person",
    "subject_identifier": {"type": "Pesel", "value": "30112206276"},
    "permissions": ["InvoiceRead"],
    "subject_details": ANNA,
    **COMMON,
}
FINGERPRINT = {"type": "Fingerprint", "value": HOLDER.value}
ENTRIES: dict[str, tuple[dict[str, Any], ContextIdentifier]] = {
    "person in a part": (
        {**PERSON, "subject_identifier": FINGERPRINT, "subject_details": HANS},
        ContextIdentifier("InternalId", UNIT),
    ),
    "entity": (
        {
            "kind": "entity",
            "subject_identifier": {"type": "Nip", "value": OTHER},
            "permissions": [
                {"type": "InvoiceWrite", "can_delegate": True},
                {"type": "InvoiceRead", "can_delegate": True},
                {"type": "CollectiveIdentifierManage", "can_delegate": True},
            ],
            "subject_details": {"full_name": "Beta sp. z o.o."},
            **COMMON,
        },
        COMPANY,
    ),
    "authorization: PefInvoicing": (
        {
            "kind": "authorization",
            "subject_identifier": {"type": "PeppolId", "value": "PPL000001"},
            "permissions": ["PefInvoicing"],
            "subject_details": {"full_name": "Beta sp. z o.o."},
            **COMMON,
        },
        COMPANY,
    ),
    "indirect: Nip": (
        {**PERSON, "kind": "indirect", "target_identifier": {"type": "Nip", "value": OTHER}},
        COMPANY,
    ),
    "subunit: part": (
        {
            **PERSON,
            "kind": "subunit",
            "permissions": None,
            "context_identifier": {"type": "InternalId", "value": UNIT},
            "subunit_name": "Oddział w Łodzi",
        },
        COMPANY,
    ),
    "EU administrator: EntityByFp": (
        {
            "kind": "eu_entity_administration",
            "subject_identifier": FINGERPRINT,
            "context_identifier": {"type": "NipVatUe", "value": ABROAD},
            "eu_entity_name": "Muster GmbH, Berlin",
            "subject_details": {"full_name": "Muster GmbH", "address": "Musterstraße 1, Berlin"},
            "eu_entity_details": {"full_name": "Muster GmbH", "address": "Berlin"},
            **COMMON,
        },
        COMPANY,
    ),
    "EU representative": (
        {
            "kind": "eu_entity",
            "subject_identifier": FINGERPRINT,
            "permissions": ["InvoiceWrite", "InvoiceRead"],
            "subject_details": HANS,
            **COMMON,
        },
        COMPOSITE,
    ),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_kind_is_read_as_the_request_that_gives_it(name: str) -> None:
    given, context = ENTRIES[name]
    (entry,) = read_entries("wanted", [given], context)
    (request,) = entry.requests
    wanted, _ = GRANTS[name]
    assert request.to_json() == wanted.to_json()
    assert entry.keys == read_keys("permission", given)


def test_the_kinds_are_all_there() -> None:
    assert {given["kind"] for given, _ in ENTRIES.values()} == set(KINDS)


def test_only_what_is_missing_is_asked_for() -> None:
    given = {**PERSON, "permissions": ["InvoiceRead", "InvoiceWrite", "Introspection"]}
    (entry,) = read_entries("wanted", [given], COMPANY)
    (request,) = entry.requests_for(entry.keys[1:2])
    assert request.to_json()["permissions"] == ["InvoiceWrite"]
    assert entry.requests_for([]) == []


def test_who_it_is_may_be_left_out_where_only_the_permission_matters() -> None:
    bare = {name: PERSON[name] for name in ("kind", "subject_identifier", "permissions")}
    assert read_keys("permission", bare) == read_keys("permission", PERSON)


def test_a_plain_name_is_not_to_be_passed_on() -> None:
    given, _ = ENTRIES["entity"]
    for named in ("InvoiceRead", {"type": "InvoiceRead"}):
        (key,) = read_keys("permission", {**given, "permissions": [named]})
        assert (key.permission, key.can_delegate) == ("InvoiceRead", False)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "people"}, r"wanted\[0\]\.kind='people'"),
        ({"permission": []}, r"wanted\[0\]\.permission=None: is no member"),
        ({"permissions": "InvoiceRead"}, r"wanted\[0\]\.permissions='InvoiceRead': is no list"),
        ({"permissions": ["Read"]}, r"wanted\[0\]\.permissions='Read'"),
        ({"permissions": ["VatUeManage"]}, r"permissions='VatUeManage': is none of those .* for person"),
        (
            {"kind": "entity", "permissions": ["CredentialsManage"]},
            r"permissions='CredentialsManage': .* entity",
        ),
        (
            {"kind": "entity", "permissions": [{"type": "CredentialsManage", "can_delegate": True}]},
            r"wanted\[0\]\.permissions='CredentialsManage': is none of those .* for entity",
        ),
        ({"description": "four"}, r"wanted\[0\]\.description='four': has 4 characters"),
        ({"subject_identifier": None}, r"wanted\[0\]\.subject_identifier=None: is missing"),
        ({"subject_identifier": {"type": "Nip", "value": 5250001210}}, "quotation marks"),
        (
            {"subject_identifier": {"type": "Pesel", "value": "30112206277"}},
            r"wanted\[0\]\.subject_identifier\.value='30112206277': has a wrong checksum",
        ),
        ({"subject_details": {**ANNA, "born": 1}}, r"wanted\[0\]\.subject_details\.born=None"),
        ({"subject_details": {"first_name": "Anna"}}, r"wanted\[0\]\.subject_details\.last_name=None"),
        ({"subject_identifier": FINGERPRINT}, r"wanted\[0\]\.subject_details\.id_document=None"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(KsefInputError, match=told):
        read_entries("wanted", [{**PERSON, **change}], COMPANY)


def test_what_the_context_cannot_give_is_told_before_anything_is_sent() -> None:
    with pytest.raises(KsefInputError, match=r"wanted\[0\]\.permissions='SubunitManage'"):
        read_entries(
            "wanted", [{**PERSON, "permissions": ["SubunitManage"]}], ContextIdentifier("InternalId", UNIT)
        )


def test_nothing_is_wanted_twice() -> None:
    with pytest.raises(KsefInputError, match=r"wanted\[1\]=.*was wanted before"):
        read_entries("wanted", [PERSON, PERSON], COMPANY)


@pytest.mark.parametrize("kind", ["person", "entity", "authorization", "indirect", "eu_entity"])
@pytest.mark.parametrize("names", [["InvoiceRed"], []])
def test_a_mistyped_permission_is_never_taken_for_one_that_nobody_has(kind: str, names: list[str]) -> None:
    holder = FINGERPRINT if kind == "eu_entity" else {"type": "Nip", "value": OTHER}
    with pytest.raises(KsefInputError, match=r"permission\.(permissions|type)"):
        read_keys("permission", {"kind": kind, "subject_identifier": holder, "permissions": names})
