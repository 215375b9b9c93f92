"""Finding and fetching invoices one by one."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Response

from airflow_provider_ksef.emulator.access import Here, Reader
from airflow_provider_ksef.emulator.choices import SortOrder
from airflow_provider_ksef.emulator.crypto import digest
from airflow_provider_ksef.emulator.errors import ApiError, Invalid
from airflow_provider_ksef.emulator.numbers import KSEF_NUMBER, normalize_ksef_number
from airflow_provider_ksef.emulator.paging import check_page_size
from airflow_provider_ksef.emulator.searching import BeyondMark, InvoiceFilters, bound_by_mark
from airflow_provider_ksef.emulator.wire import WireResponse, present

router = APIRouter(prefix="/invoices", tags=["Pobieranie faktur"])

MOST_RECORDS = 10_000
_MOST_PER_PAGE = 250


@router.get("/ksef/{ksefNumber}", summary="Pobranie faktury po numerze KSeF")
def get_document(
    ksef_number: Annotated[str, Path(alias="ksefNumber")], caller: Reader, emulator: Here
) -> Response:
    """The document exactly as it was sent."""
    if not KSEF_NUMBER.fullmatch(ksef_number):
        raise Invalid("'ksefNumber' is not in the correct format.")
    located = emulator.invoices.locate(normalize_ksef_number(ksef_number), caller.context_value)
    if located is None:
        raise ApiError(21164, f"Faktura o numerze KSeF {ksef_number} nie została znaleziona.")
    identity, stored = located
    if stored > emulator.clock.now():
        detail = (
            f"Faktura o numerze KSeF {ksef_number} została przetworzona, ale nie jest jeszcze dostępna "
            "do pobrania. Spróbuj ponownie później."
        )
        raise ApiError(21165, detail)
    xml = next(emulator.invoices.documents([identity]))
    return Response(xml, media_type="application/xml", headers={"x-ms-meta-hash": digest(xml)})


@router.post("/query/metadata", summary="Pobranie listy metadanych faktur")
def query_metadata(
    *,
    body: InvoiceFilters,
    caller: Reader,
    emulator: Here,
    sort_order: Annotated[SortOrder, Query(alias="sortOrder")] = SortOrder.ASCENDING,
    page_offset: Annotated[int, Query(alias="pageOffset")] = 0,
    page_size: Annotated[int, Query(alias="pageSize")] = 10,
) -> WireResponse:
    """A page of the metadata that fit the filters."""
    check_page_size(page_size, _MOST_PER_PAGE)
    start = page_offset * page_size
    if page_offset < 0:
        raise Invalid(f"'pageOffset' must be greater than or equal to '0'. You entered {page_offset}.")
    if start >= MOST_RECORDS:
        raise Invalid(
            "You cannot retrieve invoices starting from number 10 000 or higher. Please narrow your filters."
        )
    wanted = min(page_size, MOST_RECORDS - start)
    with emulator.database.transaction():
        current = emulator.page_marks.of_page(f"{caller.context} {body.model_dump_json()}", page_offset)
        asked = body.to_query(caller.context_value, emulator.clock.now(), emulator.settings.longest_range)
        try:
            query, mark = bound_by_mark(emulator.hwm, asked, current)
        except BeyondMark as beyond:
            raise ApiError(21183, str(beyond)) from None
        found = emulator.invoices.find(
            query, descending=sort_order is SortOrder.DESCENDING, skip=start, most=wanted + 1
        )
    has_more = len(found) > wanted
    return WireResponse(
        present(
            hasMore=has_more,
            isTruncated=has_more and start + wanted == MOST_RECORDS,
            permanentStorageHwmDate=mark,
            invoices=[msgspec.Raw(each.metadata) for each in found[:wanted]],
        )
    )
