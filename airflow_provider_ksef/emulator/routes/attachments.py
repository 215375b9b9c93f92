"""The consent without which no invoice with an attachment is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from airflow_provider_ksef.emulator.access import CredentialsReader, Here
from airflow_provider_ksef.emulator.moments import format_moment, ticks_of
from airflow_provider_ksef.emulator.wire import WireModel, WireResponse, present

router = APIRouter()
Nip = Annotated[str, Field(pattern=r"^[1-9]((\d[1-9])|([1-9]\d))\d{7}$")]


class ConsentBody(WireModel):
    """Who consents."""

    nip: Nip


class RevocationBody(WireModel):
    """Whose consent ends, and on which day; without a day at once."""

    nip: Nip
    expected_end_date: date | None = None


@router.post(
    "/testdata/attachment", summary="Umożliwienie wysyłania faktur z załącznikiem", tags=["Dane testowe"]
)
def give_consent(body: ConsentBody, emulator: Here) -> Response:
    """Let a company send attachments."""
    emulator.consents.give(body.nip)
    return Response()


@router.post(
    "/testdata/attachment/revoke",
    summary="Odebranie możliwości wysyłania faktur z załącznikiem",
    tags=["Dane testowe"],
)
def revoke_consent(body: RevocationBody, emulator: Here) -> Response:
    """Let a company send no attachments any more."""
    day = body.expected_end_date
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
    emulator.consents.end(body.nip, max(0, ticks_of(midnight)) if midnight else emulator.clock.now())
    return Response()


@router.get(
    "/permissions/attachments/status",
    summary="Sprawdzenie statusu zgody na wystawianie faktur z załącznikiem",
    tags=["Operacje"],
)
def get_consent(caller: CredentialsReader, emulator: Here) -> WireResponse:
    """Whether the context may send attachments, and until when."""
    consent = emulator.consents.get(caller.context_value[:10])
    if consent is None:
        return WireResponse({"isAttachmentAllowed": False})
    ends = None if consent.ends is None else format_moment(consent.ends)
    return WireResponse(present(isAttachmentAllowed=consent.is_given(emulator.clock.now()), revokedDate=ends))
