"""Providers of Peppol services, who may send PEF invoices for those that let them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from airflow_provider_ksef.client.answers import json_parser, moment
from airflow_provider_ksef.client.calls import Call, Flow
from airflow_provider_ksef.client.paging import OffsetPage, read_by_offset

_PAGE_SIZE = 100


@dataclass(frozen=True)
class PeppolProvider:
    """
    A provider.

    :param id: such as ``PPL000001``.
    :param name: of the company.
    :param date_created: when KSeF registered it, UTC.
    """

    id: str
    name: str
    date_created: datetime


class _Provider(msgspec.Struct, rename="camel"):
    id: str
    name: str
    date_created: str


class _Page(msgspec.Struct, rename="camel"):
    peppol_providers: list[_Provider]
    has_more: bool


def query() -> Flow[list[PeppolProvider]]:
    """List the providers that KSeF knows, the latest first (``GET /peppol/query``), all pages."""
    return read_by_offset(_page_call)


def _page_call(index: int) -> Call[OffsetPage[PeppolProvider]]:
    params = {"pageOffset": index, "pageSize": _PAGE_SIZE}
    return Call("GET", "/peppol/query", _parse_page, params=params, needs_login=False, is_safe=True)


def _page(answer: _Page) -> OffsetPage[PeppolProvider]:
    providers = [
        PeppolProvider(each.id, each.name, moment(each.date_created)) for each in answer.peppol_providers
    ]
    return OffsetPage(providers, answer.has_more)


_parse_page = json_parser(_Page, _page)
