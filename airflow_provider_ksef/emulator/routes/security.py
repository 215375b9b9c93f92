"""The public keys by which clients encrypt."""

from __future__ import annotations

from fastapi import APIRouter

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.wire import WireResponse

router = APIRouter(prefix="/security", tags=["Certyfikaty klucza publicznego"])


@router.get("/public-key-certificates", summary="Pobranie certyfikatów")
def list_public_keys(emulator: Here) -> WireResponse:
    """Certificates that are valid now, the newest first."""
    return WireResponse([key.to_json() for key in emulator.keys.published()])
