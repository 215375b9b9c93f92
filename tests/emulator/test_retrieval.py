"""Finding invoices: the metadata query and exports."""

from __future__ import annotations

import io
import json
import tarfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.emulator.peer import APRIL, Peer, by_storage, digest, error_code
from tests.emulator_process import NIP, EmulatorProcess

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
def received(peer: Peer) -> Peer:
    """A company that received 120 invoices in March."""
    peer.emulator.control("seed", nip=NIP, subjectType="Subject2", count=120, seed=5, **MARCH)
    return peer


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
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_query_names_the_field(peer: Peer, case: str) -> None:
    members, parameters, sentence = WRONG[case]
    answer = peer.query({**by_storage(end=APRIL), **members}, **parameters)
    assert error_code(answer) == 21405
    assert sentence in answer.json()["exception"]["exceptionDetailList"][0]["details"][0]


def test_a_hundred_days_are_allowed(peer: Peer) -> None:
    assert peer.query(by_storage(start="2025-12-22T00:00:00Z", end=APRIL)).status_code == 200


def metadata_of(archive: bytes) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        found: list[dict[str, Any]] = json.loads(package.read("_metadata.json"))["invoices"]
        return found


def test_an_export_is_truncated_at_its_cap_and_goes_on_from_its_last_date(received: Peer) -> None:
    start, seen, exports = "2026-03-01T00:00:00Z", {}, 0
    while True:
        package, archive = received.export(by_storage(start=start, end=APRIL), onlyMetadata=True)
        exports += 1
        found = metadata_of(archive)
        assert package["invoiceCount"] == len(found) <= 50
        assert package["compressionType"] == "Zip"
        assert "lastIssueDate" not in package
        assert "lastInvoicingDate" not in package
        seen.update({each["ksefNumber"]: each for each in found})
        if not package["isTruncated"]:
            assert "lastPermanentStorageDate" not in package
            break
        start = package["lastPermanentStorageDate"]
        assert start[:26] == found[-1]["permanentStorageDate"][:26]
    assert list(seen) == received.emulator.ksef_numbers()
    assert exports == 3
    assert package["permanentStorageHwmDate"] == "2026-04-01T00:00:00.0000000+00:00"


def test_an_export_with_documents_holds_each_under_its_number(received: Peer) -> None:
    _, archive = received.export(by_storage(end=APRIL), compressionType="targz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        files = {each.name: package.extractfile(each).read() for each in package}  # type: ignore[union-attr]
    metadata = json.loads(files.pop("_metadata.json"))["invoices"]
    assert {f"{each['ksefNumber']}.xml": each["invoiceHash"] for each in metadata} == {
        name: digest(xml) for name, xml in files.items()
    }
    assert len(files) == 50


def test_an_empty_export_has_a_package_without_parts(peer: Peer) -> None:
    package, archive = peer.export(by_storage(start="2026-02-01T00:00:00Z", end="2026-02-02T00:00:00Z"))
    assert archive == b""
    assert (package["invoiceCount"], package["size"], package["parts"]) == (0, 0, [])
    assert package["isTruncated"] is False
    assert package["permanentStorageHwmDate"] == "2026-02-02T00:00:00.0000000+00:00"


def test_links_are_renewed_and_expire(received: Peer) -> None:
    started = received.start_export(by_storage(end=APRIL), onlyMetadata=True)
    first = received.export_status(started)["package"]["parts"][0]
    received.emulator.control("clock", advance=3601)
    received.log_in()
    assert received.links.get(first["url"]).status_code == 403
    second = received.export_status(started)["package"]["parts"][0]
    assert second["url"] != first["url"]
    assert received.links.get(second["url"]).status_code == 200
    received.emulator.control("clock", advance=7 * 86400)
    received.log_in()
    assert received.export_status(started)["status"]["code"] == 210
    received.emulator.control("clock", advance=7 * 86400)
    received.log_in()
    gone = received.http.get(f"/invoices/exports/{started.json()['referenceNumber']}")
    assert gone.status_code == 410


def test_a_key_that_nobody_can_decrypt_ends_an_export_in_415(peer: Peer) -> None:
    encryption = {"encryptedSymmetricKey": "eHg=", "initializationVector": "aWlpaWlpaWlpaWlpaWlpaQ=="}
    started = peer.start_export(by_storage(end=APRIL), encryption=encryption)
    assert started.status_code == 201
    assert peer.export_status(started)["status"]["code"] == 415


def test_an_unknown_export_is_told(peer: Peer) -> None:
    assert error_code(peer.http.get("/invoices/exports/20260901-EH-1A2B3CA000-0F1E2D3C51-AD")) == 21175


def test_ten_exports_run_at_once_and_no_more(emulators: Callable[..., EmulatorProcess]) -> None:
    peer = Peer(emulators("--delay", "1"))
    peer.log_in()
    started = [peer.start_export(by_storage(end=APRIL)) for _ in range(11)]
    assert [answer.status_code for answer in started[:10]] == [201] * 10
    assert error_code(started[10]) == 21182
    assert peer.export_status(started[0])["status"]["code"] == 200
    time.sleep(0.1)
    assert peer.start_export(by_storage(end=APRIL)).status_code == 201
