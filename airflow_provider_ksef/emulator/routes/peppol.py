"""Who provides Peppol services."""

from __future__ import annotations

from fastapi import APIRouter

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.moments import format_moment
from airflow_provider_ksef.emulator.paging import PageOffset, PageSize, cut_page
from airflow_provider_ksef.emulator.wire import WireResponse

router = APIRouter(prefix="/peppol", tags=["Usługi Peppol"])

_MOST = 100


@router.get("/query", summary="Pobranie listy dostawców usług Peppol")
def list_providers(emulator: Here, page_offset: PageOffset = 0, page_size: PageSize = 10) -> WireResponse:
    """Providers that have logged in once, the latest first."""
    page, has_more = cut_page(emulator.peppol.all(), offset=page_offset, size=page_size, most=_MOST)
    listed = [
        {"id": each.id, "name": each.name[:256], "dateCreated": format_moment(each.created)} for each in page
    ]
    return WireResponse({"peppolProviders": listed, "hasMore": has_more})
