"""The emulator's own controls, which KSeF does not have."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from airflow_provider_ksef.emulator.access import Here
from airflow_provider_ksef.emulator.choices import SubjectType, TokenStatus
from airflow_provider_ksef.emulator.seeding import SeedOrder, SeedRefused, seed_at_start, seed_invoices
from airflow_provider_ksef.emulator.wire import ControlModel, WireResponse

router = APIRouter(prefix="/_emulator", tags=["Emulator"])

_MOST_INVOICES = 10_000_000
_MOST_SECONDS = 10 * 365 * 86_400
Nip = Annotated[str, Field(pattern=r"^[1-9]\d{9}$")]


class SeedBody(ControlModel):
    """Synthetic invoices to add."""

    nip: Nip
    subject_type: SubjectType = SubjectType.BUYER
    count: int = Field(ge=0, le=_MOST_INVOICES)
    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    force: bool = False


class ClockBody(ControlModel):
    """How far to put the clock forward, in seconds."""

    advance: float = Field(ge=0, le=_MOST_SECONDS)


class RotationBody(ControlModel):
    """How to change the server's keys."""

    mode: Literal["planned", "emergency", "recertify"]


class TokenStatusBody(ControlModel):
    """A KSeF token and how it shall stand from now on."""

    reference_number: str
    status: TokenStatus


@router.post("/seed")
def seed(body: SeedBody, emulator: Here) -> WireResponse:
    """Add synthetic invoices."""
    order = SeedOrder(body.nip, body.subject_type, body.count, body.from_, body.to, body.seed, body.force)
    try:
        return WireResponse(seed_invoices(emulator, order))
    except SeedRefused as refused:
        raise HTTPException(400, str(refused)) from None


@router.get("/invoices")
def list_ksef_numbers(
    emulator: Here,
    nip: Nip,
    subject_type: Annotated[SubjectType, Query(alias="subjectType")] = SubjectType.BUYER,
) -> WireResponse:
    """All invoices on which a company has a role, also those that the high-water mark has not passed."""
    return WireResponse({"ksefNumbers": emulator.invoices.numbers(nip, subject_type)})


@router.post("/clock")
def put_clock_forward(body: ClockBody, emulator: Here) -> Response:
    """Let time pass."""
    emulator.clock.advance(body.advance)
    return Response(status_code=204)


@router.post("/token-status")
def set_token_status(body: TokenStatusBody, emulator: Here) -> Response:
    """Let a KSeF token stand as it would otherwise for a moment only, or never."""
    if emulator.tokens.get(body.reference_number) is None:
        raise HTTPException(400, f"There is no token {body.reference_number}.")
    emulator.tokens.settle(body.reference_number, body.status.value, emulator.clock.now())
    return Response(status_code=204)


@router.post("/rotate-keys")
def rotate_keys(body: RotationBody, emulator: Here) -> Response:
    """Change the server's keys."""
    emulator.keys.rotate(body.mode)
    return Response(status_code=204)


@router.get("/stats")
def get_stats(emulator: Here) -> WireResponse:
    """How often each endpoint was called since the last reset."""
    return WireResponse(emulator.stats.to_json())


@router.post("/reset")
def reset(emulator: Here) -> Response:
    """Be as just after the start."""
    emulator.reset()
    seed_at_start(emulator)
    return Response(status_code=204)
