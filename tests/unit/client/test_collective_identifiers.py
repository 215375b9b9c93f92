from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from airflow_provider_ksef.client import collective_identifiers
from airflow_provider_ksef.client.collected_invoices import CollectedInvoice, Payment
from airflow_provider_ksef.client.identifiers import crc8
from airflow_provider_ksef.exceptions import KsefApiError, KsefInputError
from tests.unit.client.fake_ksef import FakeKsef, problem

NOW = datetime(2026, 9, 1, tzinfo=UTC)
NUMBER = "5250001210-20260901-0A1B2C000000-C6"
COLLECTIVE = "5250001210-IZ202609-0A1B2C300000-A9"


def ksef_number(nip: str, number: int) -> str:
    head = f"{nip}-20260901-{number:012X}"
    return f"{head}-{crc8(head):02X}"


OTHERS = [ksef_number("5250001210", 1), ksef_number("1111111111", 1)]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([NUMBER], "KSeF takes 2 to 5000"),
        ([NUMBER, OTHERS[0], NUMBER], "71005"),
        ([NUMBER, OTHERS[1]], "71004"),
    ],
)
def test_wrong_lists_are_refused(numbers: list[str], says: str) -> None:
    with pytest.raises(KsefInputError, match=says):
        collective_identifiers.generate([CollectedInvoice(number) for number in numbers])


def test_amounts_are_sent_and_read_exactly() -> None:
    amount = Decimal("12345678901234567.89")
    told = {"ksefNumber": NUMBER, "detailsHidden": False, "collectiveIdentifierNumber": COLLECTIVE}
    content = json.dumps({"invoices": [told]}).replace(
        "}]", f', "payment": {{"amount": {amount}, "currency": "PLN"}}}}]'
    )
    ksef = FakeKsef(
        replies={
            "POST /collective-identifiers": [
                httpx.Response(201, json={"collectiveIdentifierNumber": COLLECTIVE})
            ],
            "POST /collective-identifiers/invoices": [httpx.Response(200, content=content)],
        }
    )
    with ksef.sync_client() as client:
        invoices = [CollectedInvoice(NUMBER, Payment(amount, "PLN")), CollectedInvoice(OTHERS[0])]
        assert client.run(collective_identifiers.generate(invoices)) == COLLECTIVE
        (found,) = client.run(collective_identifiers.list_invoices([COLLECTIVE]))
    assert f'"amount":{amount}'.encode() in next(
        request.content for request in ksef.requests if request.url.path == "/v2/collective-identifiers"
    )
    assert found.payment == Payment(amount, "PLN")


@pytest.mark.parametrize(
    ("payment", "description"),
    [
        (Payment(Decimal("NaN"), "PLN"), None),
        (Payment(Decimal(1), "zł"), None),
        (Payment(Decimal(1), "pln"), None),
        (None, "x" * 513),
    ],
)
def test_wrong_details_are_refused(payment: Payment | None, description: str | None) -> None:
    with pytest.raises(KsefInputError):
        CollectedInvoice(NUMBER, payment, description)


@pytest.mark.parametrize("end", [NOW - timedelta(seconds=1), NOW + timedelta(days=100, seconds=1)])
def test_ranges_are_bounded(end: datetime) -> None:
    with pytest.raises(KsefInputError, match="within 100 days"):
        collective_identifiers.query(NOW, end)


def test_wrong_numbers_are_refused() -> None:
    for wrong in ([], COLLECTIVE, [COLLECTIVE[:-1] + "0"]):
        with pytest.raises(KsefInputError, match="collective_identifier_numbers="):
            collective_identifiers.list_invoices(wrong)
    with pytest.raises(KsefInputError, match="ksef_number="):
        collective_identifiers.query_by_ksef_number(COLLECTIVE)


def test_other_refusals_than_of_the_endpoint_are_told() -> None:
    ksef = FakeKsef(replies={"POST /collective-identifiers/invoices": [problem(403)]})
    with ksef.sync_client() as client, pytest.raises(KsefApiError, match="403"):
        client.run(collective_identifiers.list_invoices([COLLECTIVE]))


def test_many_identifiers_are_asked_for_in_tens() -> None:
    numbers = []
    for number in range(11):
        head = f"5250001210-IZ202609-{number:012X}"
        numbers.append(f"{head}-{crc8(head):02X}")
    empty = httpx.Response(200, json={"invoices": []})
    ksef = FakeKsef(replies={"POST /collective-identifiers/invoices": [empty]})
    with ksef.sync_client() as client:
        client.run(collective_identifiers.list_invoices([*numbers, numbers[0]]))
    asked = [json.loads(each.content) for each in ksef.requests if each.url.path.endswith("/invoices")]
    assert [len(each["collectiveIdentifierNumbers"]) for each in asked] == [10, 1]
