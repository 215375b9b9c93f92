"""Finding and reading single invoices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_ksef.client.answers import json_parser
from airflow_provider_ksef.client.calls import Answer, Call
from airflow_provider_ksef.client.crypto import sha256_base64
from airflow_provider_ksef.client.filters import InvoiceFilters
from airflow_provider_ksef.client.identifiers import check_ksef_number
from airflow_provider_ksef.exceptions import KsefInputError, KsefIntegrityError

__all__ = ["InvoiceFilters", "MetadataPage", "download", "query_metadata"]

HASH_HEADER = "x-ms-meta-hash"
SORT_ORDERS = ("Asc", "Desc")


@dataclass(frozen=True)
class MetadataPage:
    """
    One page of invoice metadata.

    :param invoices: KSeF's ``InvoiceMetadata``, every member kept; amounts with a fraction are Decimal.
    :param has_more: whether there is a next page.
    :param is_truncated: with ``has_more``: the 10,000th record is reached, narrow the range and go on at
        offset 0.
    :param permanent_storage_hwm_date: the high-water mark, as KSeF writes it, for permanent storage queries.
    """

    invoices: list[dict[str, Any]]
    has_more: bool
    is_truncated: bool
    permanent_storage_hwm_date: str | None


class _Page(msgspec.Struct, rename="camel"):
    invoices: list[dict[str, Any]]
    has_more: bool
    is_truncated: bool = False
    permanent_storage_hwm_date: str | None = None


def query_metadata(
    filters: InvoiceFilters, *, sort_order: str = "Asc", page_offset: int = 0, page_size: int = 100
) -> Call[MetadataPage]:
    """
    Read one page of metadata (``POST /invoices/query/metadata``); KSeF allows 20 such calls an hour.

    :param filters: which invoices.
    :param sort_order: ``Asc`` or ``Desc`` by the date that the filters' ``date_type`` names.
    :param page_offset: index of the page, from 0; not of a record.
    :param page_size: 10 to 250 records.
    :raises KsefInputError: where a parameter is outside of what KSeF takes.
    """
    if sort_order not in SORT_ORDERS:
        raise KsefInputError("sort_order", sort_order, "is not known to KSeF", "Give Asc or Desc.")
    if not 10 <= page_size <= 250:
        raise KsefInputError("page_size", page_size, "KSeF takes 10 to 250", "Give a number in between.")
    if page_offset < 0:
        raise KsefInputError("page_offset", page_offset, "is negative", "Begin with 0.")
    return Call(
        "POST",
        "/invoices/query/metadata",
        _parse_page,
        body=filters.to_json(),
        params={"sortOrder": sort_order, "pageOffset": page_offset, "pageSize": page_size},
        is_safe=True,
    )


def download(ksef_number: str) -> Call[bytes]:
    """
    Read an invoice's XML (``GET /invoices/ksef/{ksefNumber}``), byte by byte as it was sent.

    The bytes are verified by the hash that comes with them. They need not be valid UTF-8.

    :param ksef_number: of an invoice on which the context appears.
    :raises KsefInputError: where this is no KSeF number.
    :raises KsefApiError: 21165 where the invoice is not stored yet, 21164 where there is none.
    :raises KsefIntegrityError: where bytes and hash differ.
    """
    return Call("GET", f"/invoices/ksef/{check_ksef_number(ksef_number)}", verified_bytes, is_safe=True)


def verified_bytes(answer: Answer) -> bytes:
    """
    Parser of documents, verified by :data:`HASH_HEADER`.

    :raises KsefIntegrityError: where the hash differs or is missing.
    """
    promised = answer.headers.get(HASH_HEADER)
    if promised != sha256_base64(answer.content):
        raise KsefIntegrityError(
            f"The {len(answer.content)} bytes of {answer.path} do not have the hash that KSeF gave with them "
            f"({promised or 'none'}).",
            "Try again; check what stands between you and KSeF.",
        )
    return answer.content


def _page(answer: _Page) -> MetadataPage:
    return MetadataPage(
        answer.invoices, answer.has_more, answer.is_truncated, answer.permanent_storage_hwm_date
    )


_parse_page = json_parser(_Page, _page)
