"""
The columns of the table ``invoice_lines``: every element of a line of FA(2), FA(3) and FA_RR.

``ksef.fa`` and ``ksef.fa_rr`` in a field's metadata name the element that it comes from. One code may mean
different things in the two: P_6A is a date in FA and a unit of measure in FA_RR.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from airflow_provider_ksef.tables.columns import (
    CARRIED,
    described,
    element_column,
    key_columns,
    origin_columns,
)
from airflow_provider_ksef.tables.invoice_columns import INVOICES

QUANTITY = pa.decimal128(22, 6)
"""TIlosci of KSeF's schemas."""
UNIT_PRICE = pa.decimal128(22, 8)
"""TKwotowy2."""
LINE_AMOUNT = pa.decimal128(18, 2)
"""TKwotowy."""
_TEXT = pa.string()


def _elements() -> Iterator[pa.Field]:
    yield element_column(
        "line_number",
        pa.int64(),
        "NrWierszaFa",
        "NrWierszaFa",
        "Number of the line; a correction's rows before and after it share one.",
    )
    yield element_column(
        "line_id", _TEXT, "UU_ID", "UU_ID", "The issuer's universally unique number of the line."
    )
    yield element_column(
        "is_before_correction",
        pa.bool_(),
        "StanPrzed",
        "StanPrzed",
        "Whether the row shows the line as it was before a correction; its values are to be subtracted.",
    )
    yield element_column(
        "delivery_date",
        pa.date32(),
        "P_6A",
        "P_4AA",
        "Day of the line's delivery, service or payment; null where the invoice has one for all lines.",
    )
    yield element_column("item_name", _TEXT, "P_7", "P_5", "Name of the goods or the service.")
    yield element_column(
        "item_code", _TEXT, "Indeks", None, "The issuer's own code of the goods or the service."
    )
    yield element_column("gtin", _TEXT, "GTIN", "GTIN", "Global trade item number.")
    yield element_column(
        "pkwiu", _TEXT, "PKWiU", "PKWiU", "Code of the Polish classification of goods and services."
    )
    yield element_column("cn", _TEXT, "CN", "CN", "Code of the Combined Nomenclature.")
    yield element_column("pkob", _TEXT, "PKOB", None, "Code of the Polish classification of buildings.")
    yield element_column(
        "quality_class", _TEXT, None, "P_6C", "Class or quality of a farmer's product (FA_RR)."
    )
    yield element_column("unit", _TEXT, "P_8A", "P_6A", "Unit of measure.")
    yield element_column("quantity", QUANTITY, "P_8B", "P_6B", "Quantity.")
    yield element_column(
        "unit_net_price", UNIT_PRICE, "P_9A", "P_7", "Net price of a unit, in the currency of the invoice."
    )
    yield element_column(
        "unit_gross_price",
        UNIT_PRICE,
        "P_9B",
        None,
        "Gross price of a unit, where the invoice counts from gross.",
    )
    yield element_column(
        "discount", UNIT_PRICE, "P_10", None, "Discounts that the unit price does not contain yet."
    )
    yield element_column(
        "net_amount", LINE_AMOUNT, "P_11", "P_8", "Net value of the line, in the currency of the invoice."
    )
    yield element_column(
        "gross_amount",
        LINE_AMOUNT,
        "P_11A",
        "P_11",
        "Gross value of the line; on FA only where the invoice counts from gross.",
    )
    yield element_column(
        "vat_amount",
        LINE_AMOUNT,
        "P_11Vat",
        "P_10",
        "Tax of the line, in the currency of the invoice; the flat-rate refund on FA_RR, seldom given on FA.",
    )
    yield element_column(
        "vat_rate",
        _TEXT,
        "P_12",
        "P_9",
        "Rate as the document states it: 23, 8, 0 WDT, zw (exempt), np I ...",
    )
    yield element_column(
        "oss_vat_rate",
        _TEXT,
        "P_12_XII",
        None,
        "Rate of the special procedure of title XII chapter 6a (OSS).",
    )
    yield element_column(
        "is_annex_15",
        pa.bool_(),
        "P_12_Zal_15",
        None,
        "Whether the line is marked as of annex 15 (mandatory split payment).",
    )
    yield element_column("excise_amount", LINE_AMOUNT, "KwotaAkcyzy", None, "Excise duty within the price.")
    yield element_column(
        "gtu", _TEXT, "GTU", None, "Code of the group of goods and services, such as GTU_01."
    )
    yield element_column("procedure", _TEXT, "Procedura", None, "Code of the tax procedure, such as WSTO_EE.")
    yield element_column(
        "exchange_rate", QUANTITY, "KursWaluty", "KursWaluty", "PLN for one unit of the invoice's currency."
    )


ELEMENTS = tuple(_elements())
"""Columns that come out of a line's elements."""


def _lines() -> Iterator[pa.Field]:
    yield from key_columns()
    for name in CARRIED:
        yield INVOICES.field(name)
    yield described("line_ordinal", pa.int32(), "Place of the row in the document, from 1.")
    yield from ELEMENTS
    yield described(
        "extra", pa.string(), "JSON of the line's elements that this version has no column for; else null."
    )
    yield from origin_columns()


LINES = pa.schema(_lines())
"""One row per invoice, role and line, in the document's order; before a correction and after it, too."""
