"""Finding invoices by the metadata query, and fetching one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.emulator.packing import digest
from tests.emulator.peer import APRIL, Peer, by_storage, error_code
from tests.emulator_process import NIP

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


def everything(peer: Peer, filters: dict[str, Any] | None = None, **parameters: Any) -> list[dict[str, Any]]:
    answer = peer.query(filters or by_storage(end=APRIL), pageSize=250, **parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["invoices"]
    return found


def test_pages_bring_each_invoice_once_in_order(received: Peer) -> None:
    pages = [received.query(by_storage(end=APRIL), pageSize=50, pageOffset=page).json() for page in range(4)]
    assert [page["hasMore"] for page in pages] == [True, True, False, False]
    assert not any(page["isTruncated"] for page in pages)
    assert len({page["permanentStorageHwmDate"] for page in pages}) == 1
    found = [invoice for page in pages for invoice in page["invoices"]]
    assert [each["ksefNumber"] for each in found] == received.emulator.ksef_numbers()
    keys = [(each["permanentStorageDate"], each["ksefNumber"]) for each in found]
    assert keys == sorted(keys)
    downwards = everything(received, sortOrder="desc")
    assert downwards == found[::-1]


def test_bounds_are_inclusive_on_both_ends(received: Peer) -> None:
    found = everything(received)
    first, last = found[10]["permanentStorageDate"], found[20]["permanentStorageDate"]
    between = [each for each in found if first <= each["permanentStorageDate"] <= last]
    assert everything(received, by_storage(start=first, end=last)) == between
    assert everything(received, by_storage(start=first, end=first)) == [
        each for each in found if each["permanentStorageDate"] == first
    ]


FILTERS: dict[str, Callable[[dict[str, Any]], tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]]] = {
    "ksefNumber": lambda one: (
        {"ksefNumber": one["ksefNumber"]},
        lambda each: each["ksefNumber"] == one["ksefNumber"],
    ),
    "invoiceNumber": lambda one: (
        {"invoiceNumber": one["invoiceNumber"]},
        lambda each: each["invoiceNumber"] == one["invoiceNumber"],
    ),
    "sellerNip": lambda one: (
        {"sellerNip": one["seller"]["nip"]},
        lambda each: each["seller"]["nip"] == one["seller"]["nip"],
    ),
    "buyerIdentifier": lambda _: (
        {"buyerIdentifier": {"type": "nip", "value": NIP}},
        lambda each: each["buyer"]["identifier"] == {"type": "Nip", "value": NIP},
    ),
    "other buyer": lambda _: ({"buyerIdentifier": {"type": "VatUe", "value": "DE1"}}, lambda _: False),
    "gross amount": lambda one: (
        {"amount": {"type": "Brutto", "from": one["grossAmount"]}},
        lambda each: each["grossAmount"] >= one["grossAmount"],
    ),
    "net amount": lambda one: (
        {"amount": {"type": "netto", "from": -1000, "to": one["netAmount"]}},
        lambda each: -1000 <= each["netAmount"] <= one["netAmount"],
    ),
    "vat amount": lambda one: (
        {"amount": {"type": "Vat", "to": one["vatAmount"]}},
        lambda each: each["vatAmount"] <= one["vatAmount"],
    ),
    "currencyCodes": lambda _: (
        {"currencyCodes": ["EUR", "USD"]},
        lambda each: each["currency"] in ("EUR", "USD"),
    ),
    "invoiceTypes": lambda _: (
        {"invoiceTypes": ["kor", "Zal"]},
        lambda each: each["invoiceType"] in ("Kor", "Zal"),
    ),
    "invoicingMode": lambda _: (
        {"invoicingMode": "Offline"},
        lambda each: each["invoicingMode"] == "Offline",
    ),
    "isSelfInvoicing": lambda _: ({"isSelfInvoicing": True}, lambda each: each["isSelfInvoicing"]),
    "hasAttachment": lambda _: ({"hasAttachment": False}, lambda each: not each["hasAttachment"]),
    "formType": lambda _: ({"formType": "fa"}, lambda _: True),
    "other form": lambda _: ({"formType": "PEF"}, lambda _: False),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_what_fits(received: Peer, name: str) -> None:
    found = everything(received)
    members, fits = FILTERS[name](found[60])
    expected = [each for each in found if fits(each)]
    assert everything(received, {**by_storage(end=APRIL), **members}) == expected


def test_roles_are_told_apart(received: Peer) -> None:
    received.emulator.control("seed", nip=NIP, subjectType="Subject1", count=3, **MARCH)
    received.emulator.control("seed", nip=NIP, subjectType="Subject3", count=4, **MARCH)
    received.emulator.control("seed", nip=NIP, subjectType="SubjectAuthorized", count=2, **MARCH)
    for subject, least in (("Subject1", 3), ("Subject2", 120), ("Subject3", 4), ("SubjectAuthorized", 2)):
        found = everything(received, by_storage(subject, end=APRIL))
        assert [each["ksefNumber"] for each in found] == received.emulator.ksef_numbers(subject_type=subject)
        assert len(found) >= least


def test_issue_dates_count_as_polish_days(received: Peer) -> None:
    found = everything(received)
    day = found[50]["issueDate"]
    late_evening_before = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(minutes=30)
    dates = {"dateType": "Issue", "from": late_evening_before.isoformat(), "to": f"{day}T10:00:00+01:00"}
    answer = received.query({"subjectType": "Subject2", "dateRange": dates}, pageSize=250).json()
    assert {each["issueDate"] for each in answer["invoices"]} == {day}
    assert len(answer["invoices"]) == sum(each["issueDate"] == day for each in found)
    assert "permanentStorageHwmDate" not in answer


def test_invoicing_dates_order_the_result(received: Peer) -> None:
    dates = {"dateType": "Invoicing", "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
    answer = received.query({"subjectType": "Subject2", "dateRange": dates}, pageSize=250).json()
    moments = [each["invoicingDate"] for each in answer["invoices"]]
    assert moments == sorted(moments)
    assert len(moments) >= 119


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "page of 5": ({}, {"pageSize": 5}, "'pageSize' must be between 10 and 250. You entered 5."),
    "page of 251": ({}, {"pageSize": 251}, "'pageSize' must be between 10 and 250. You entered 251."),
    "page below zero": ({}, {"pageOffset": -1}, "'pageOffset'"),
    "beyond 10,000": ({}, {"pageSize": 250, "pageOffset": 40}, "starting from number 10 000 or higher"),
    "unknown order": ({}, {"sortOrder": "Up"}, "'sortOrder'"),
    "unknown role": ({"subjectType": "Subject4"}, {}, "'subjectType'"),
    "no role": ({"subjectType": None}, {}, "'subjectType'"),
    "turned round": (
        by_storage(start="2026-03-02T00:00:00Z", end="2026-03-01T00:00:00Z"),
        {},
        "greater than or equal",
    ),
    "101 days": (
        by_storage(start="2026-01-01T00:00:00Z", end="2026-04-13T00:00:00Z"),
        {},
        "must not exceed 100 days",
    ),
    "no date": (by_storage(start="yesterday"), {}, "'dateRange.from'"),
    "no KSeF number": ({"ksefNumber": "123"}, {}, "'ksefNumber'"),
    "no NIP": ({"sellerNip": "0000000000"}, {}, "'sellerNip'"),
    "no currency": ({"currencyCodes": ["PLN", "ABC"]}, {}, "'currencyCodes[1]'"),
    "an amount of words": ({"amount": {"type": "Netto", "from": "much"}}, {}, "'amount.from'"),
    "long number": ({"invoiceNumber": "a" * 257}, {}, "'invoiceNumber'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_query_names_the_field(peer: Peer, case: str) -> None:
    members, parameters, sentence = WRONG[case]
    answer = peer.query({**by_storage(end=APRIL), **members}, **parameters)
    assert error_code(answer) == 21405
    assert sentence in answer.json()["exception"]["exceptionDetailList"][0]["details"][0]


def test_a_hundred_days_are_allowed(peer: Peer) -> None:
    assert peer.query(by_storage(start="2025-12-22T00:00:00Z", end=APRIL)).status_code == 200


@pytest.mark.parametrize(
    ("start", "end", "fits"),
    [
        ("2026-01-10T12:00:00.0000000Z", "2026-04-10T11:59:59Z", True),
        ("2026-01-10T12:00:00.0000000Z", "2026-04-10T12:00:00.0000000Z", True),
        ("2026-01-10T12:00:00.0000000Z", "2026-04-10T12:00:00.0000001Z", False),
        ("2025-11-30T14:00:00Z", "2026-02-28T14:00:00Z", True),  # the month has no 30th
        ("2025-11-30T14:00:00Z", "2026-02-28T14:00:01Z", False),
        ("2025-09-01T00:00:00+02:00", "2025-12-01T00:00:00+01:00", True),  # three months by Polish time only
        ("2025-09-01T00:00:00+02:00", "2025-12-01T00:00:01+01:00", False),
    ],
)
def test_until_api_2_7_three_months_were_allowed(peer: Peer, start: str, end: str, fits: bool) -> None:
    peer.emulator.control("settings", longestRange="3 months")
    answer = peer.query(by_storage(start=start, end=end))
    if fits:
        assert answer.status_code == 200
    else:
        assert error_code(answer) == 21405
        assert "'dateRange' must not exceed 3 months." in answer.text
        assert error_code(peer.start_export(by_storage(start=start, end=end))) == 21405


def test_the_cap_is_told_on_the_page_that_reaches_it(peer: Peer) -> None:
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=10_001, seed=5, **MARCH)
    told = {}
    for page in (0, 38, 39):
        answer = peer.query(by_storage(end=APRIL), pageSize=250, pageOffset=page).json()
        told[page] = (answer["hasMore"], answer["isTruncated"], len(answer["invoices"]))
    assert told == {0: (True, False, 250), 38: (True, False, 250), 39: (True, True, 250)}
    odd = peer.query(by_storage(end=APRIL), pageSize=240, pageOffset=41).json()  # from 9,840 to 10,000
    assert (odd["hasMore"], odd["isTruncated"], len(odd["invoices"])) == (True, True, 160)
    last = peer.query(by_storage(start=answer["invoices"][-1]["permanentStorageDate"], end=APRIL)).json()
    assert (last["hasMore"], last["isTruncated"]) == (False, False)


def test_a_document_comes_as_it_was_sent(peer: Peer, sales: dict[str, bytes]) -> None:
    sent = peer.send_files(sales)
    peer.emulator.control("clock", advance=1)
    for each in sent:
        answer = peer.http.get(f"/invoices/ksef/{each['ksefNumber']}")
        assert answer.headers["content-type"] == "application/xml"
        assert answer.content == sales[each["invoiceFileName"]]
        assert answer.headers["x-ms-meta-hash"] == digest(answer.content) == each["invoiceHash"]
    old_form = f"{each['ksefNumber'][:26]}-{each['ksefNumber'][26:]}"
    assert peer.http.get(f"/invoices/ksef/{old_form}").content == answer.content


def test_a_document_that_is_not_there_is_told(peer: Peer) -> None:
    unknown = peer.http.get("/invoices/ksef/5250001210-20260901-0A1B2C000000-C6")
    assert error_code(unknown) == 21164
    peer.emulator.control("seed", nip="7980332920", subjectType="Subject2", count=1, **MARCH)
    (foreign,) = peer.emulator.ksef_numbers("7980332920")
    assert error_code(peer.http.get(f"/invoices/ksef/{foreign}")) == 21164
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    peer.emulator.control(
        "seed", nip=NIP, subjectType="Subject2", count=1, **{"from": tomorrow, "to": tomorrow}
    )
    (coming,) = peer.emulator.ksef_numbers()
    assert error_code(peer.http.get(f"/invoices/ksef/{coming}")) == 21165
    peer.emulator.control("clock", advance=86_400)
    peer.log_in()
    assert peer.http.get(f"/invoices/ksef/{coming}").status_code == 200
