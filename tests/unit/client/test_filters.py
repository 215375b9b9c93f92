from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.exceptions import KsefInputError

FROM = "2026-09-01T00:00:00.1234567+00:00"


def filters(**members: Any) -> InvoiceFilters:
    given = {"subject_type": "Subject2", "date_type": "PermanentStorage", "date_from": FROM, **members}
    return InvoiceFilters(**given)


def test_only_what_is_asked_for_is_sent_and_dates_keep_all_digits() -> None:
    assert filters().to_json() == {
        "subjectType": "Subject2",
        "dateRange": {"dateType": "PermanentStorage", "from": FROM},
    }


def test_every_filter_is_sent() -> None:
    sent = filters(
        date_to=FROM,
        restrict_to_hwm=True,
        ksef_number="5250001210-20260901-0A1B2C000000-C6",
        invoice_number="FV/1",
        seller_nip="5250001210",
        buyer_identifier_type="VatUe",
        buyer_identifier="DE123456789",
        amount_type="Brutto",
        amount_from=Decimal("-0.10"),
        amount_to=Decimal("12345678901234.56"),
        currency_codes=("PLN", "EUR"),
        invoice_types=("Vat", "Kor"),
        invoicing_mode="Online",
        is_self_invoicing=False,
        has_attachment=True,
        form_type="FA",
    ).to_json()
    assert sent["dateRange"] == {
        "dateType": "PermanentStorage",
        "from": FROM,
        "to": FROM,
        "restrictToPermanentStorageHwmDate": True,
    }
    assert sent["amount"] == {"type": "Brutto", "from": Decimal("-0.10"), "to": Decimal("12345678901234.56")}
    assert sent["buyerIdentifier"] == {"type": "VatUe", "value": "DE123456789"}
    assert sent["isSelfInvoicing"] is False
    assert len(sent) == 13


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject_type", "Subject4"),
        ("date_type", "issue"),
        ("date_from", "2026-09-01"),
        ("date_from", "2026-09-01T00:00:00"),
        ("date_to", "yesterday"),
        ("date_to", datetime(2026, 9, 1, tzinfo=UTC)),
        ("invoice_number", 5),
        ("buyer_identifier", 5250001210),
        ("amount_from", Decimal("NaN")),
        ("amount_to", Decimal("-Infinity")),
        ("seller_nip", "5250001211"),
        ("ksef_number", "5250001210-20260901-0A1B2C000000-C7"),
        ("amount_type", "Gross"),
        ("buyer_identifier_type", "Pesel"),
        ("invoicing_mode", "online"),
        ("form_type", "RR"),
    ],
)
def test_what_ksef_would_refuse_is_named(field: str, value: Any) -> None:
    with pytest.raises(KsefInputError) as raised:
        filters(**{field: value})
    assert (raised.value.field, str(raised.value.value)) == (field, str(value))


@pytest.mark.parametrize("field", ["currency_codes", "invoice_types"])
def test_what_is_no_text_in_a_list_is_named(field: str) -> None:
    with pytest.raises(KsefInputError, match=f"{field}=5: is no text"):
        filters(**{field: ("PLN", 5)})


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"amount_from": Decimal(1)}, "amount_type"),
        ({"amount_to": Decimal(1)}, "amount_type"),
        ({"buyer_identifier": "1"}, "buyer_identifier_type"),
    ],
)
def test_a_value_needs_its_type(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(KsefInputError) as raised:
        filters(**given)
    assert raised.value.field == missing
