"""Collective identifiers: made of a seller's invoices, found, and read by whom."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from airflow_provider_ksef.emulator import collecting
from airflow_provider_ksef.emulator.errors import ApiError
from airflow_provider_ksef.emulator.numbers import crc8
from tests.emulator.entering import entered, grant, make
from tests.emulator.peer import Peer, error_code
from tests.emulator.signing import seal
from tests.emulator_process import NIP

OTHER_NIP, THIRD_NIP = "1111111111", "7980332920"
UNKNOWN = f"{NIP}-20260901-0A1B2C000000-C6"


@pytest.fixture
def sold(peer: Peer) -> list[str]:
    """KSeF numbers of a dozen invoices that the company has issued."""
    peer.emulator.control("seed", nip=NIP, subjectType="Subject1", count=12, seed=3)
    return peer.emulator.ksef_numbers(NIP, "Subject1")


def collect(peer: Peer, *invoices: str | dict[str, Any]) -> httpx.Response:
    body = [{"ksefNumber": each} if isinstance(each, str) else each for each in invoices]
    return peer.http.post("/collective-identifiers", json={"invoices": body})


def collected(peer: Peer, *invoices: str | dict[str, Any]) -> str:
    answer = collect(peer, *invoices)
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["collectiveIdentifierNumber"]
    return number


def query(peer: Peer, days: float = 1, **conditions: Any) -> httpx.Response:
    now = datetime.now(UTC)
    dates = {
        "dateCreatedFrom": (now - timedelta(days=days)).isoformat(),
        "dateCreatedTo": (now + timedelta(minutes=5)).isoformat(),
    }
    return peer.http.post("/collective-identifiers/query", json=dates | conditions)


def found(peer: Peer, **conditions: Any) -> list[str]:
    answer = query(peer, **conditions)
    assert answer.status_code == 200, answer.text
    return [each["collectiveIdentifierNumber"] for each in answer.json()["collectiveIdentifiers"]]


def under(peer: Peer, *numbers: str) -> list[dict[str, Any]]:
    answer = peer.http.post(
        "/collective-identifiers/invoices", json={"collectiveIdentifierNumbers": list(numbers)}
    )
    assert answer.status_code == 200, answer.text
    invoices: list[dict[str, Any]] = answer.json()["invoices"]
    return invoices


def test_an_identifier_names_seller_and_month_and_ends_in_a_checksum(peer: Peer, sold: list[str]) -> None:
    number = collected(peer, *sold[:3])
    head, month, technical, check = number.split("-")
    assert head == NIP
    assert month == f"IZ{datetime.now(UTC):%Y%m}"
    assert check == crc8(f"{head}-{month}-{technical}")
    (listed,) = query(peer).json()["collectiveIdentifiers"]
    assert (listed["collectiveIdentifierNumber"], listed["invoiceCount"]) == (number, 3)
    assert listed["createdInCurrentContext"] is True


def test_invoices_of_identifiers_come_with_what_is_paid(peer: Peer, sold: list[str]) -> None:
    paid = {"payment": {"amount": 1234.56, "currency": "pln"}, "description": "rata 1"}
    first = collected(peer, {"ksefNumber": sold[0], **paid}, sold[1])
    second = collected(peer, sold[0], sold[2])
    rows = [(each["ksefNumber"], each["collectiveIdentifierNumber"]) for each in under(peer, first, second)]
    expected = [(sold[0], first), (sold[1], first), (sold[0], second), (sold[2], second)]
    assert rows == sorted(expected, reverse=True)
    told = {each["ksefNumber"]: each for each in under(peer, first)}
    assert told[sold[0]]["payment"] == {"amount": 1234.56, "currency": "PLN"}
    assert told[sold[0]]["description"] == "rata 1"
    assert set(told[sold[1]]) == {"ksefNumber", "collectiveIdentifierNumber", "detailsHidden"}
    as_before = peer.http.get(f"/collective-identifiers/{first}/invoices").json()["invoices"]
    assert [set(each) - set(told[each["ksefNumber"]]) for each in as_before] == [set(), set()]
    assert [each["ksefNumber"] for each in as_before] == sorted(sold[:2], reverse=True)


def test_who_is_not_on_the_invoice_sees_no_payment(peer: Peer, sold: list[str]) -> None:
    paid = {"payment": {"amount": 1, "currency": "EUR"}}
    number = collected(peer, {"ksefNumber": sold[0], **paid}, sold[1])
    other = entered(peer.emulator, seal(f"VATPL-{THIRD_NIP}"), ("Nip", THIRD_NIP))
    told = {each["ksefNumber"]: each for each in under(other, number)}
    assert told[sold[0]]["detailsHidden"] is True
    assert "payment" not in told[sold[0]]
    assert told[sold[1]]["detailsHidden"] is False
    assert found(other) == []
    assert other.http.get(f"/collective-identifiers/ksef/{sold[0]}").json() == {"collectiveIdentifiers": []}


def test_the_seller_sees_what_others_made_of_its_invoices(peer: Peer, sold: list[str]) -> None:
    other = entered(peer.emulator, seal(f"VATPL-{THIRD_NIP}"), ("Nip", THIRD_NIP))
    number = collected(other, *sold[:2])
    own = collected(peer, *sold[1:3])
    assert set(found(peer)) == {number, own}
    assert found(peer, createdInCurrentContext=True) == [own]
    assert found(peer, createdInCurrentContext=False) == [number]
    assert found(other) == [number]
    of_invoice = peer.http.get(f"/collective-identifiers/ksef/{sold[1]}").json()["collectiveIdentifiers"]
    assert [each["createdInCurrentContext"] for each in of_invoice] == [True, False]
    assert [each["collectiveIdentifierNumber"] for each in of_invoice] == [own, number]


def test_queries_filter(peer: Peer, sold: list[str]) -> None:
    small, large = collected(peer, *sold[:2]), collected(peer, *sold[:5])
    assert found(peer, invoiceCountFrom=3) == [large]
    assert found(peer, invoiceCountTo=4) == [small]
    assert found(peer, collectiveIdentifierNumber=small) == [small]
    assert error_code(query(peer, days=101)) == 21405
    assert error_code(query(peer, dateCreatedFrom="2999-01-01T00:00:00Z")) == 21405


def test_lists_come_in_pages(peer: Peer, sold: list[str]) -> None:
    numbers = [collected(peer, *sold) for _ in range(11)]
    for method, path, body in (
        ("POST", "/collective-identifiers/query", query(peer).request.content),
        ("GET", f"/collective-identifiers/ksef/{sold[0]}", None),
    ):
        headers = {"Content-Type": "application/json"}
        first = peer.http.request(method, path, content=body, headers=headers).json()
        assert len(first["collectiveIdentifiers"]) == 10
        headers["x-continuation-token"] = first["continuationToken"]
        rest = peer.http.request(method, path, content=body, headers=headers).json()
        assert [each["collectiveIdentifierNumber"] for each in rest["collectiveIdentifiers"]] == numbers[:1]
        assert "continuationToken" not in rest
    assert len(under(peer, numbers[0])) == 10
    wanted = {"collectiveIdentifierNumbers": numbers[:1]}
    for size, is_right in ((500, True), (501, False)):
        answer = peer.http.post("/collective-identifiers/invoices", json=wanted, params={"pageSize": size})
        assert (answer.status_code == 200) is is_right
    too_many = {"collectiveIdentifierNumbers": numbers}
    assert error_code(peer.http.post("/collective-identifiers/invoices", json=too_many)) == 21405


def test_wrong_lists_of_invoices(peer: Peer, sold: list[str]) -> None:
    peer.emulator.control("seed", nip=OTHER_NIP, subjectType="Subject1", count=1, seed=4)
    (foreign,) = peer.emulator.ksef_numbers(OTHER_NIP, "Subject1")
    assert error_code(collect(peer, sold[0])) == 21405
    assert error_code(collect(peer, sold[0], "x")) == 21405
    assert error_code(collect(peer, sold[0], sold[0])) == 71005
    assert error_code(collect(peer, sold[0], UNKNOWN)) == 71001
    assert error_code(collect(peer, sold[0], foreign)) == 71004
    bad_payment = {"ksefNumber": sold[0], "payment": {"amount": 1, "currency": "ZŁO"}}
    assert error_code(collect(peer, bad_payment, sold[1])) == 21405
    assert found(peer) == []


def test_the_limit_of_invoices_is_the_contexts(peer: Peer, sold: list[str]) -> None:
    sizes = {"maxInvoiceSizeInMB": 1, "maxInvoiceWithAttachmentSizeInMB": 3, "maxInvoices": 10}
    limits = {"onlineSession": sizes, "batchSession": sizes, "collectiveIdentifier": {"maxInvoices": 2}}
    make(peer, "limits/context/session", **limits)
    assert error_code(collect(peer, *sold[:3])) == 21405
    assert collect(peer, *sold[:2]).status_code == 201


@pytest.mark.parametrize("count", [131, 132])
def test_an_invoice_under_132_identifiers_has_no_room(count: int) -> None:
    with pytest.raises(ApiError) if count == 132 else nullcontext():
        collecting._check_room({UNKNOWN: count})


@pytest.mark.crash
def test_an_invoice_is_under_132_identifiers_at_most(peer: Peer, sold: list[str]) -> None:
    for _ in range(132):
        collected(peer, *sold[:2])
    refused = collect(peer, sold[2], sold[0])
    assert error_code(refused) == 71002
    assert sold[0] in refused.text
    assert collect(peer, sold[2], sold[3]).status_code == 201


def test_a_right_is_needed(peer: Peer, sold: list[str]) -> None:
    stranger = Peer(peer.emulator)
    signer = seal(f"VATPL-{OTHER_NIP}")
    grant(stranger, "Nip", OTHER_NIP, "Introspection")
    refused = collect(entered(peer.emulator, signer), *sold[:2])
    assert refused.status_code == 403
    assert refused.json()["security"]["requiredAnyOfPermissions"] == [
        "InvoiceRead",
        "InvoiceWrite",
        "CollectiveIdentifierManage",
    ]
    grant(stranger, "Nip", OTHER_NIP, "CollectiveIdentifierManage")
    assert collect(entered(peer.emulator, signer), *sold[:2]).status_code == 201
