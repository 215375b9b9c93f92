"""How much a caller may do."""

from __future__ import annotations

from fastapi import APIRouter

from airflow_provider_ksef.emulator.access import AnyCaller
from airflow_provider_ksef.emulator.limits import CONTEXT_LIMITS, SUBJECT_LIMITS
from airflow_provider_ksef.emulator.wire import WireResponse

router = APIRouter(tags=["Limity i ograniczenia"])


@router.get("/limits/context", summary="Pobranie limitów dla bieżącego kontekstu")
def get_context_limits(caller: AnyCaller) -> WireResponse:  # noqa: ARG001  a login is needed
    """Sizes and numbers of invoices."""
    return WireResponse(CONTEXT_LIMITS)


@router.get("/limits/subject", summary="Pobranie limitów dla bieżącego podmiotu")
def get_subject_limits(caller: AnyCaller) -> WireResponse:  # noqa: ARG001  a login is needed
    """Numbers of certificates."""
    return WireResponse(SUBJECT_LIMITS)
