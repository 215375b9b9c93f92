"""Changing at run time what the command line decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.date_ranges import LongestRange
from airflow_provider_ksef.emulator.settings import MOST_EXPORTED, Settings
from airflow_provider_ksef.emulator.wire import ControlModel, WireResponse, present

router = APIRouter(prefix="/_emulator/settings", tags=["Emulator"])

_MOST_SECONDS = 86_400


class SettingsBody(ControlModel):
    """What to change; what is left out stays as it is."""

    delay: float | None = Field(default=None, ge=0, le=_MOST_SECONDS)
    hwm_lag: float | None = Field(default=None, ge=0, le=_MOST_SECONDS)
    export_cap: int | None = Field(default=None, ge=1, le=MOST_EXPORTED)
    rate_limits: Literal["production", "off"] | None = None
    longest_range: LongestRange | None = None


@router.get("")
def get_settings(emulator: Here) -> WireResponse:
    """How the emulator behaves."""
    return WireResponse(_to_json(emulator.settings))


@router.post("")
def change_settings(body: SettingsBody, emulator: Here) -> WireResponse:
    """Let it behave otherwise, until a reset or the end of the process."""
    changed = present(
        delay=body.delay,
        hwm_lag=body.hwm_lag,
        export_cap=body.export_cap,
        has_production_rate_limits=body.rate_limits and body.rate_limits == "production",
        longest_range=body.longest_range,
    )
    emulator.behave(replace(emulator.settings, **changed))
    return WireResponse(_to_json(emulator.settings))


def _to_json(settings: Settings) -> dict[str, object]:
    return {
        "delay": settings.delay,
        "hwmLag": settings.hwm_lag,
        "exportCap": settings.export_cap,
        "rateLimits": "production" if settings.has_production_rate_limits else "off",
        "longestRange": settings.longest_range,
    }
