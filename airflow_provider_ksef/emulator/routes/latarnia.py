"""Latarnia's two calls, and the control that decides what they say."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import Field

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.latarnia import State
from airflow_provider_ksef.emulator.moments import parse_moment
from airflow_provider_ksef.emulator.wire import ControlModel, WireResponse

router = APIRouter()


class LatarniaBody(ControlModel):
    """
    What Latarnia shall say.

    :param status: AVAILABLE ends whatever is running and forgets what was announced.
    :param start: of the failure or the maintenance; without it now.
    :param end: without it nobody knows.
    """

    status: State
    text: str = ""
    start: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    end: str | None = Field(default=None, json_schema_extra={"format": "date-time"})


@router.get("/latarnia/status", tags=["Latarnia"], summary="Status KSeF")
def get_latarnia_status(emulator: Here) -> WireResponse:
    """How KSeF is now, with the messages about it."""
    return WireResponse(emulator.latarnia.status(emulator.clock.now()))


@router.get("/latarnia/messages", tags=["Latarnia"], summary="Komunikaty")
def list_latarnia_messages(emulator: Here) -> WireResponse:
    """All messages, the newest first."""
    return WireResponse(emulator.latarnia.messages(emulator.clock.now()))


@router.post("/_emulator/latarnia", tags=["Emulator"])
def set_latarnia(body: LatarniaBody, emulator: Here) -> WireResponse:
    """Announce a failure or a maintenance, or end all of them."""
    now = emulator.clock.now()
    if body.status is State.AVAILABLE:
        emulator.latarnia.end_all(now)
    else:
        start = now if body.start is None else _moment("start", body.start)
        end = None if body.end is None else _moment("end", body.end)
        if end is not None and end <= start:
            raise HTTPException(400, "'end' must be after 'start'")
        emulator.latarnia.announce(body.status, body.text, start, end, now)
    return WireResponse(emulator.latarnia.status(now))


def _moment(name: str, text: str) -> int:
    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        raise HTTPException(400, f"'{name}': '{text}' is neither an ISO 8601 date nor a date-time") from None
