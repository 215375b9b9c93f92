"""What documents become: exact values, corrections, and what no column is for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_ksef.tables.document_rows import DocumentTables, read_documents
from tests.unit.tables.document_packages import fa, line, package

RR = "http://crd.gov.pl/wzor/2026/03/06/14189/"
PLAIN = package(b"").invoices


def read(*xmls: bytes) -> DocumentTables:
    return read_documents(package(*xmls).invoices, xmls)


def lines(*elements: str) -> list[dict[str, Any]]:
    tables = read(fa("".join(elements)))
    [document] = tables.documents.to_pylist()
    assert document["parse_error"] is None
    rows: list[dict[str, Any]] = tables.lines.to_pylist()
    return rows


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    most = 10**digits - 1
    return st.integers(-most, most).map(lambda number: Decimal(number).scaleb(-places))


@given(decimals(18, 2), decimals(22, 6), decimals(22, 8), decimals(18, 2))
def test_numbers_are_exact_to_the_last_digit(
    net: Decimal, quantity: Decimal, price: Decimal, sum_: Decimal
) -> None:
    row = line(NrWierszaFa="1", P_8B=f"{quantity:f}", P_9A=f"{price:f}", P_11=f"{net:f}")
    xml = fa(f"<P_13_1>{sum_:f}</P_13_1>{row}")
    tables = read_documents(PLAIN, [xml])
    [found] = tables.lines.to_pylist()
    assert (found["net_amount"], found["quantity"], found["unit_net_price"]) == (net, quantity, price)
    assert tables.vat_summary["net_amount"].to_pylist() == [sum_]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cn"])))
def test_texts_are_kept_as_they_are(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    [row] = read_documents(PLAIN, [fa(line(P_7=escaped))]).lines.to_pylist()
    assert row["item_name"] == (text or None)


def test_a_correction_keeps_its_rows_before_and_after() -> None:
    before = line(NrWierszaFa="1", P_7="bolt", P_8B="10", P_11="100.00", StanPrzed="1")
    after = line(NrWierszaFa="1", P_7="bolt", P_8B="8", P_11="80.00")
    rows = lines(before, after)
    names = ("line_ordinal", "line_number", "is_before_correction", "quantity", "net_amount")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (1, 1, True, Decimal(10), Decimal(100)),
        (2, 1, False, Decimal(8), Decimal(80)),
    ]


def test_a_correction_by_difference_keeps_its_signs() -> None:
    tables = read(
        fa("<P_13_1>-20.00</P_13_1><P_14_1>-4.60</P_14_1>" + line(NrWierszaFa="1", P_8B="-2", P_11="-20"))
    )
    assert tables.lines["net_amount"].to_pylist() == [Decimal(-20)]
    assert tables.vat_summary["vat_amount"].to_pylist() == [Decimal("-4.60")]


def test_elements_that_no_column_is_for_go_to_extra() -> None:
    nested = '<Partia kraj="PL"><Nr>1</Nr><Nr>2</Nr></Partia>'
    known = line(NrWierszaFa="1", P_7="a", Nowe="7 &amp; 8") + line(NrWierszaFa="2", Pusty="")
    doubled = "<FaWiersz><NrWierszaFa>3</NrWierszaFa><GTU>GTU_01</GTU><GTU>GTU_02</GTU></FaWiersz>"
    rows = lines(known, f"<FaWiersz><P_7>b</P_7>{nested}</FaWiersz>", doubled, line(NrWierszaFa="4"))
    assert [row["extra"] and json.loads(row["extra"]) for row in rows] == [
        {"Nowe": "7 & 8"},
        {"Pusty": None},
        {"Partia": {"@kraj": "PL", "Nr": ["1", "2"]}},
        {"GTU": "GTU_02"},
        None,
    ]
    assert [row["item_name"] for row in rows] == ["a", None, "b", None, None]
    assert rows[3]["gtu"] == "GTU_01"


def test_unknown_values_and_rate_groups_pass_through() -> None:
    tables = read(fa("<P_13_12>7.00</P_13_12><P_14_12>1.00</P_14_12>" + line(P_12="77 NEW", GTU="GTU_99")))
    [row] = tables.lines.to_pylist()
    assert (row["vat_rate"], row["gtu"]) == ("77 NEW", "GTU_99")
    [total] = tables.vat_summary.to_pylist()
    assert (total["rate_group"], total["rate_group_name"], total["vat_amount"]) == ("12", None, Decimal(1))


def test_a_sum_that_is_there_twice_is_not_guessed() -> None:
    good = fa("<P_13_1>7.00</P_13_1><P_14_1>1.61</P_14_1>")
    tables = read(good, fa("<P_13_1>7.00</P_13_1><P_13_1>8.00</P_13_1>" + line(NrWierszaFa="1")), good)
    assert tables.documents["parse_error"].to_pylist() == [
        None,
        "net_amount of rate group 1 is there twice",
        None,
    ]
    assert [row["net_amount"] for row in tables.vat_summary.to_pylist()] == [Decimal(7)] * 2
    assert tables.lines.num_rows == 0


def test_a_form_of_the_same_shape_and_another_namespace_is_read() -> None:
    tables = read(fa(line(NrWierszaFa="1"), "http://crd.gov.pl/wzor/2029/01/01/1/"))
    assert tables.documents["line_count"].to_pylist() == [1]


def test_an_invoice_without_lines_has_none() -> None:
    tables = read(fa("<P_15>1.00</P_15>"))
    assert tables.documents["line_count"].to_pylist() == [0]


def test_a_code_means_what_its_form_says() -> None:
    of_fa = fa(line(P_6A="2026-03-01", P_7="seed", P_10="1.00", P_11="9.00"))
    body = (
        "<P_11_1>9.00</P_11_1><P_11_1W>38.00</P_11_1W><P_11_2>0.63</P_11_2><P_11_2W>2.66</P_11_2W>"
        "<FakturaRRWiersz><P_5>seed</P_5><P_6A>kg</P_6A><P_7>3</P_7><P_8>9.00</P_8><P_10>0.63</P_10>"
        "<P_11>9.63</P_11></FakturaRRWiersz>"
    )
    tables = read(of_fa, fa(body, RR, "FakturaRR"))
    first, second = tables.lines.to_pylist()
    assert (first["item_name"], str(first["delivery_date"]), first["unit"]) == ("seed", "2026-03-01", None)
    assert (first["discount"], first["net_amount"]) == (Decimal(1), Decimal(9))
    assert (second["item_name"], second["delivery_date"], second["unit"]) == ("seed", None, "kg")
    assert (second["unit_net_price"], second["net_amount"]) == (Decimal(3), Decimal(9))
    assert (second["vat_amount"], second["gross_amount"]) == (Decimal("0.63"), Decimal("9.63"))
    [total] = tables.vat_summary.to_pylist()
    amounts = [total[name] for name in ("net_amount", "net_amount_pln", "vat_amount", "vat_amount_pln")]
    assert total["rate_group"] == "RR"
    assert amounts == [Decimal(9), Decimal(38), Decimal("0.63"), Decimal("2.66")]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "xml",
    [
        f'<!DOCTYPE Faktura [<!ENTITY l0 "lol">{LAUGHS}]><Faktura><Fa>&l9;</Fa></Faktura>',
        f'<!DOCTYPE Faktura [<!ENTITY l0 "lol">{LAUGHS}]><Faktura a="&l9;"><Fa/></Faktura>',
        '<!DOCTYPE Faktura [<!ENTITY x SYSTEM "file:///etc/passwd">]><Faktura><Fa>&x;</Fa></Faktura>',
        '<!DOCTYPE Faktura SYSTEM "http://127.0.0.1:9/x.dtd"><Faktura><Fa/></Faktura>',
        "<a>" * 5000 + "</a>" * 5000,
    ],
)
@pytest.mark.timeout(20)
def test_hostile_xml_is_kept_with_an_error_and_costs_nothing(xml: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        tables = read(xml.encode(encoding))
        [document] = tables.documents.to_pylist()
        assert document["parse_error"]
        assert "root:" not in document["parse_error"]
        assert tables.lines.num_rows == 0


def test_other_encodings_and_comments_are_read() -> None:
    body = (
        '<?xml version="1.0" encoding="{}"?><Faktura><!-- x --><Fa><?pi?><FaWiersz><!-- y --><P_7>ż</P_7>{}'
    )
    ending = "</FaWiersz></Fa></Faktura>"
    xmls = [body.format(name, ending).encode(name) for name in ("iso-8859-2", "utf-16", "windows-1250")]
    assert read(*xmls).lines["item_name"].to_pylist() == ["ż"] * 3
