"""The columns of the table ``invoice_vat_summary``, and the rate groups of KSeF's forms."""

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

VAT_AMOUNT = pa.decimal128(18, 2)
"""TKwotowy of KSeF's schemas."""

FLAT_RATE = "RR"
"""The only rate group of FA_RR."""

RATE_GROUPS = {
    "1": "standard rate (23% or 22%)",
    "2": "first reduced rate (8% or 7%)",
    "3": "second reduced rate (5%)",
    "4": "flat rate of taxis",
    "5": "special procedure of title XII chapter 6a (OSS)",
    "6_1": "0%, domestic",
    "6_2": "0%, supply of goods within the EU",
    "6_3": "0%, export",
    "7": "exempt",
    "8": "outside Poland",
    "9": "services outside Poland by art. 100(1)(4)",
    "10": "reverse charge",
    "11": "margin scheme",
    FLAT_RATE: "flat-rate refund of farmers (FA_RR)",
}
"""Suffix of P_13 in FA(2) and FA(3), and what its sums are about. A group that is not here passes through."""


def _vat_summary() -> Iterator[pa.Field]:
    yield from key_columns()
    for name in CARRIED:
        yield INVOICES.field(name)
    yield described(
        "rate_group",
        pa.string(),
        "Group of tax rates: the suffix of P_13 that its sums stand under, such as 1 or 6_2; RR on FA_RR.",
    )
    yield described(
        "rate_group_name",
        pa.string(),
        "The group in words, such as exempt; null where this version does not know it.",
    )
    yield element_column(
        "net_amount", VAT_AMOUNT, "P_13_*", "P_11_1", "Net sum of the group in the currency of the invoice."
    )
    yield element_column(
        "vat_amount",
        VAT_AMOUNT,
        "P_14_*",
        "P_11_2",
        "Tax of the group in the currency of the invoice, the flat-rate refund on FA_RR; null where there is "
        "none.",
    )
    yield element_column(
        "vat_amount_pln",
        VAT_AMOUNT,
        "P_14_*W",
        "P_11_2W",
        "Tax of the group in PLN on an invoice in another currency; null on one in PLN.",
    )
    yield element_column(
        "net_amount_pln",
        VAT_AMOUNT,
        None,
        "P_11_1W",
        "Net sum in PLN on an FA_RR in another currency; null elsewhere, FA has no such element.",
    )
    yield from origin_columns()


VAT_SUMMARY = pa.schema(_vat_summary())
"""One row per invoice, role and rate group, in the document's order."""
