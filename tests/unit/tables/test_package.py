"""An export package becomes rows: every field, exact, and nothing dropped."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables.schema import INVOICES
from tests.unit.tables.packages import REFERENCE, SYNCED_AT, encode, invoice, read_json, rows

PROMISED_COLUMNS = """
ksef_number invoice_number issue_date ksef_date invoicing_date acquisition_date permanent_storage_date
seller_nip seller_name buyer_identifier_type buyer_identifier buyer_name net_amount gross_amount vat_amount
currency invoicing_mode invoice_type form_system_code form_schema_version form_value is_self_invoicing
has_attachment invoice_hash hash_of_corrected_invoice third_subjects authorized_subject verification_url
extra export_reference synced_at
""".split()  # noqa: SIM905 - reads as the design writes it


def test_the_columns_are_the_promised_ones() -> None:
    assert INVOICES.names == PROMISED_COLUMNS
    assert all(
        INVOICES.field(name).type == pa.decimal128(20, 2) for name in PROMISED_COLUMNS if "amount" in name
    )
    assert INVOICES.field("issue_date").type == INVOICES.field("ksef_date").type == pa.date32()
    assert INVOICES.field("permanent_storage_date").type == pa.timestamp("us", tz="UTC")


def test_every_column_says_in_english_what_it_holds() -> None:
    nested = [*INVOICES.field("third_subjects").type.value_type, *INVOICES.field("authorized_subject").type]
    for field in [*INVOICES, *nested]:
        assert len((field.metadata or {}).get(b"description", b"")) > 10, field.name


def test_a_whole_invoice_becomes_a_row() -> None:
    third = [
        {"identifier": {"type": "InternalId", "value": "5250001210-12346"}, "name": "Oddział", "role": 2},
        {"identifier": {"type": "None"}, "role": 0},
    ]
    table = rows(
        invoice(
            thirdSubjects=third,
            authorizedSubject={"nip": "2222222222", "name": "Komornik", "role": 2},
            hashOfCorrectedInvoice="aLPQeU4oe2E9f/0NIzMrvgbsut7r0ZpZAe1sj9zBp8M=",
        )
    )
    assert table.schema.equals(INVOICES, check_metadata=True)
    assert table.to_pylist() == [
        {
            "ksef_number": "5250001210-20260901-0A1B2C000000-C6",
            "invoice_number": "FV/1/2026",
            "issue_date": date(2026, 2, 1),
            "ksef_date": date(2026, 2, 1),
            "invoicing_date": datetime(2026, 2, 1, 20, 0, 0, 123456, tzinfo=UTC),
            "acquisition_date": datetime(2026, 2, 1, 22, 59, 59, 999999, tzinfo=UTC),
            "permanent_storage_date": datetime(2026, 2, 1, 23, 30, 0, 123456, tzinfo=UTC),
            "seller_nip": "1111111111",
            "seller_name": "Zażółć gęślą jaźń Sp. z o.o.",
            "buyer_identifier_type": "Nip",
            "buyer_identifier": "5250001210",
            "buyer_name": "Nabywca",
            "net_amount": Decimal("43.60"),
            "gross_amount": Decimal("53.63"),
            "vat_amount": Decimal("10.03"),
            "currency": "PLN",
            "invoicing_mode": "Online",
            "invoice_type": "Vat",
            "form_system_code": "FA (3)",
            "form_schema_version": "1-0E",
            "form_value": "FA",
            "is_self_invoicing": False,
            "has_attachment": True,
            "invoice_hash": "UtQp9Gpc51y+u3xApZjIjgkpZ01js+J8KflSPW8WzIE=",
            "hash_of_corrected_invoice": "aLPQeU4oe2E9f/0NIzMrvgbsut7r0ZpZAe1sj9zBp8M=",
            "third_subjects": [
                {
                    "identifier_type": "InternalId",
                    "identifier": "5250001210-12346",
                    "name": "Oddział",
                    "role": 2,
                },
                {"identifier_type": "None", "identifier": None, "name": None, "role": 0},
            ],
            "authorized_subject": {"nip": "2222222222", "name": "Komornik", "role": 2},
            "verification_url": "https://qr-test.ksef.mf.gov.pl/invoice/1111111111/01-02-2026/"
            "UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE",
            "extra": None,
            "export_reference": REFERENCE,
            "synced_at": SYNCED_AT,
        }
    ]


@pytest.mark.parametrize(
    ("acquired", "day"),
    [
        ("2026-01-31T22:59:59.9999999+00:00", date(2026, 1, 31)),
        ("2026-01-31T23:00:00+00:00", date(2026, 2, 1)),
        ("2026-06-30T21:59:59.9999999Z", date(2026, 6, 30)),
        ("2026-06-30T22:00:00Z", date(2026, 7, 1)),
        ("2026-07-01T00:30:00+02:00", date(2026, 7, 1)),
    ],
)
def test_the_day_of_receipt_is_polish(acquired: str, day: date) -> None:
    assert rows(invoice(acquisitionDate=acquired))["ksef_date"].to_pylist() == [day]


def test_missing_optional_fields_are_null() -> None:
    needed = {"ksefNumber", "permanentStorageDate"}
    table = rows({name: value for name, value in invoice().items() if name in needed})
    row = table.to_pylist()[0]
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {"ksef_number", "permanent_storage_date", "export_reference", "synced_at"}
    assert rows(invoice(thirdSubjects=...))["third_subjects"].to_pylist() == [None]
    assert rows(invoice(thirdSubjects=None))["third_subjects"].to_pylist() == [None]
    assert rows(invoice(thirdSubjects=[]))["third_subjects"].to_pylist() == [[]]


def test_unknown_values_of_enumerations_pass_through() -> None:
    table = rows(invoice(invoiceType="VatFuture", invoicingMode="Telepathy", currency="XTS"))
    assert table["invoice_type"].to_pylist() == ["VatFuture"]
    assert table["invoicing_mode"].to_pylist() == ["Telepathy"]


def test_unknown_fields_land_in_extra_as_they_were_written() -> None:
    content = encode(invoice(seller={"nip": "1111111111", "NEW": 0}, thirdSubjects=[{"role": 1}, {"NEW": 0}]))
    content = content.replace(b'"NEW":0', b'"new":[1.50, {"a": 123456789012345678.10}]')
    table = read_json(content.replace(b'{"ksefNumber"', b'{"later":1e2,"ksefNumber"'))
    extra = table["extra"].to_pylist()[0]
    assert json.loads(extra, parse_float=str) == {
        "later": "1e2",
        "seller": {"new": ["1.50", {"a": "123456789012345678.10"}]},
        "thirdSubjects": [{}, {"new": ["1.50", {"a": "123456789012345678.10"}]}],
    }
    assert table.drop("extra").equals(
        rows(invoice(seller={"nip": "1111111111"}, thirdSubjects=[{"role": 1}, {}])).drop("extra")
    )


def test_only_the_invoice_with_an_unknown_field_has_extra() -> None:
    assert rows(invoice(), invoice(new=None))["extra"].to_pylist() == [None, '{"new":null}']


AMOUNTS = st.decimals(
    min_value=Decimal("-999999999999999999.99"), max_value=Decimal("999999999999999999.99"), places=2
)
TEXTS = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
INVOICES_OF_ANY_KIND = st.builds(
    invoice,
    netAmount=AMOUNTS,
    grossAmount=AMOUNTS | st.just(...),
    vatAmount=AMOUNTS | st.none() | st.integers(-(10**17), 10**17),
    invoiceNumber=TEXTS,
    seller=st.fixed_dictionaries({"nip": st.just("1111111111")}, optional={"name": TEXTS}),
    thirdSubjects=st.none()
    | st.just(...)
    | st.lists(
        st.fixed_dictionaries(
            {"role": st.integers(0, 11)},
            optional={"name": TEXTS, "identifier": st.fixed_dictionaries({"type": st.just("None")})},
        ),
        max_size=3,
    ),
    authorizedSubject=st.just(...) | st.none() | st.fixed_dictionaries({"nip": TEXTS, "role": st.just(1)}),
)


@settings(max_examples=60, deadline=None)
@given(invoices=st.lists(INVOICES_OF_ANY_KIND, max_size=5))
def test_amounts_are_exact_and_both_ways_to_read_agree(invoices: list[dict[str, Any]]) -> None:
    table = rows(*invoices)
    with_unknown = rows(*({**each, "unknown": {"a": 1}} for each in invoices))
    assert with_unknown.drop("extra").equals(table.drop("extra"))
    assert with_unknown["extra"].to_pylist() == ['{"unknown":{"a":1}}'] * len(invoices)
    for name, column in (
        ("netAmount", "net_amount"),
        ("grossAmount", "gross_amount"),
        ("vatAmount", "vat_amount"),
    ):
        expected = [each.get(name) for each in invoices]
        assert table[column].to_pylist() == expected


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"netAmount": Decimal("1.234")}, "scale 3"),
        ({"netAmount": Decimal("1234567890123456789.12")}, "precision"),
        ({"grossAmount": "a lot"}, "a lot"),
        ({"hasAttachment": "yes"}, "hasAttachment"),
        ({"seller": "Kowalski"}, "seller"),
        ({"permanentStorageDate": "yesterday"}, "yesterday"),
        ({"issueDate": "01-02-2026"}, "issue date"),
        ({"ksefNumber": None}, "without ksef_number"),
        ({"permanentStorageDate": ...}, "without permanent_storage_date"),
    ],
)
@pytest.mark.parametrize("unknown", [{}, {"unknown": 1}], ids=["known", "with an unknown field"])
def test_what_does_not_fit_is_an_error_and_not_a_guess(
    change: dict[str, Any], named: str, unknown: dict[str, Any]
) -> None:
    with pytest.raises(KsefIntegrityError, match=named) as caught:
        rows(invoice(), invoice(**change, **unknown))
    assert REFERENCE in str(caught.value)
    assert "The table is as it was" in str(caught.value)


def test_a_package_of_no_invoices_has_the_columns_all_the_same() -> None:
    table = rows()
    assert table.num_rows == 0
    assert table.schema.equals(INVOICES, check_metadata=True)
