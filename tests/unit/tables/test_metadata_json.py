"""The metadata of a package are read as KSeF may write them, piece by piece, and nothing else is."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import pytest

from airflow_provider_ksef.exceptions import KsefIntegrityError
from airflow_provider_ksef.tables import metadata_json
from tests.unit.tables.packages import encode, invoice, read_json, rows


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"a":1}', b'{"invoices":null}', b'{"invoices":{}}', b'{"invoices":[null]}',
     b'{"invoices":["x"]}', b'{"invoices":[{"ksefNumber":"\xa0"}]}', b'{"invoices":[{"new":"\xa0"}]}',
     b'{"invoices":[]}{"invoices":[]}', b"\xff\xfe", b"<html></html>"],
)  # fmt: skip
def test_metadata_that_is_not_ksefs_is_an_error(content: bytes) -> None:
    with pytest.raises(KsefIntegrityError):
        read_json(content)


@pytest.mark.parametrize(
    "member", [b"{}", b"1", b'{"ksefNumber":1}', b'{"ksefNumber":"","a":{}}', b"[[]]"], ids=repr
)
def test_a_list_of_millions_is_refused_before_it_takes_memory(member: bytes) -> None:
    content = b'{"invoices":[' + b",".join([member] * 6_000_000) + b"]}"
    tracemalloc.start()
    with pytest.raises(KsefIntegrityError, match=r"more than 100000 invoices|more members"):
        metadata_json.parse_invoices(content)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 * len(content) + 64_000_000


def test_a_list_of_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_json, "MAX_INVOICES", 2)
    for content in (encode(*[invoice()] * 3), b'{"invoices": [{}, {}, {}]}'):
        with pytest.raises(KsefIntegrityError, match="more than 2 invoices"):
            read_json(content)


def test_one_object_of_more_than_a_megabyte_is_read() -> None:
    table = rows(*(invoice(invoiceNumber=str(number), new="x" * 200) for number in range(5000)))
    assert table.num_rows == 5000
    assert table["invoice_number"].to_pylist()[-1] == "4999"


def test_invoices_that_are_written_over_many_lines_are_read() -> None:
    compact = encode(invoice(), invoice(thirdSubjects=[{"role": 1}, {"name": "a\\nb {", "role": 2}]))
    pretty = json.dumps(json.loads(compact, parse_float=str), indent=2).encode()
    amounts = re.compile(rb'(Amount": )"([^"]*)"')
    assert read_json(amounts.sub(rb"\1\2", pretty)).equals(read_json(compact))


@pytest.mark.parametrize(
    ("change", "extra"),
    [
        ({"invoiceNumber": '"},{"ksefNumber":'}, None),
        ({"invoiceNumber": "a\n},{b"}, None),
        (
            {"thirdSubjects": [{"role": 1}, {"ksefNumber": "x", "role": 2}]},
            '{"thirdSubjects":[{},{"ksefNumber":"x"}]}',
        ),
    ],
)
def test_what_looks_like_the_end_of_an_invoice_is_none(change: dict[str, Any], extra: str | None) -> None:
    table = rows(invoice(), invoice(**change), invoice(invoiceNumber="last"))
    assert table.num_rows == 3
    assert table["extra"].to_pylist() == [None, extra, None]
    if "invoiceNumber" in change:
        assert table["invoice_number"][1].as_py() == change["invoiceNumber"]
    spaced = encode(invoice(), invoice(**change), invoice(invoiceNumber="last")).replace(b'[{"k', b'[ {"k', 1)
    assert read_json(spaced).equals(table)


def test_what_follows_the_invoices_is_passed_over() -> None:
    content = encode(invoice(), invoice())
    assert read_json(content[:-1] + b',"more":[{}]}').equals(rows(invoice(), invoice()))


def test_many_invoices_are_read_piece_by_piece_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    invoices = [
        invoice(invoiceNumber=f"FV/{place}", buyer={"name": "x" * (place % 7)}) for place in range(500)
    ]
    whole = rows(*invoices)
    monkeypatch.setattr(metadata_json, "_READ_AT_ONCE", 2_000)
    assert rows(*invoices).equals(whole)
    assert whole["invoice_number"].to_pylist() == [f"FV/{place}" for place in range(500)]


def test_an_invoice_longer_than_a_piece_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_json, "_READ_AT_ONCE", 100)
    assert rows(invoice(), invoice(invoiceNumber="x" * 5_000)).num_rows == 2
